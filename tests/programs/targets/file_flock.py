"""A file lock that another descriptor holds for a while."""

import fcntl
import tempfile
import threading

from _truth import measured, quiet, run


async def main() -> None:
    with tempfile.NamedTemporaryFile() as first, open(first.name) as second:
        fcntl.flock(first, fcntl.LOCK_EX)
        threading.Timer(0.2, fcntl.flock, (first.fileno(), fcntl.LOCK_UN)).start()
        await quiet()
        with measured():
            fcntl.flock(second, fcntl.LOCK_EX)  # expect: UJ102 leaf=fcntl.flock
        await quiet()


run(main())
