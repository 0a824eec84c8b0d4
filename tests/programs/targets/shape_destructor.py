"""Code that runs because an object dies: __del__ and a weakref's callback."""

import time
import weakref

from _truth import quiet, run


class Connection:
    def __del__(self) -> None:
        time.sleep(0.12)  # expect: UJ101 leaf=time.sleep count=1


class Plain:
    pass


def gone(reference: weakref.ref) -> None:
    time.sleep(0.12)  # expect: UJ101 leaf=time.sleep count=1


async def main() -> None:
    connection = Connection()
    await quiet()
    del connection
    await quiet()
    thing = Plain()
    reference = weakref.ref(thing, gone)
    del thing
    await quiet()
    assert reference() is None


run(main())
