# arguments: call_later call_soon coroutine decorator destructor eager exec finaliser future generator partial property reader signal task thread weakref
# usually: native asyncio
"""Every fault in every way in which a loop comes to run the user's code."""

import asyncio
import functools
import gc
import os
import signal
import socket
import sys
import threading
import weakref
from collections.abc import Awaitable, Callable

from _faults import FAULTS
from _truth import quiet, run

# serial: what computes is judged alone

Fault = Callable[[], None]


async def coroutine(fault: Fault) -> None:
    fault()


async def call_soon(fault: Fault) -> None:
    asyncio.get_running_loop().call_soon(lambda: fault())  # noqa: PLW0108  a lambda is what is tried


async def call_later(fault: Fault) -> None:
    asyncio.get_running_loop().call_later(0.01, fault)


async def partial(fault: Fault) -> None:
    asyncio.get_running_loop().call_soon(functools.partial(functools.partial(fault)))


async def reader(fault: Fault) -> None:
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()

    def readable() -> None:
        loop.remove_reader(ours)
        fault()

    loop.add_reader(ours, readable)
    theirs.send(b"x")
    await quiet()
    ours.close()
    theirs.close()


async def future(fault: Fault) -> None:
    waited = asyncio.get_running_loop().create_future()
    waited.add_done_callback(lambda _: fault())
    waited.set_result(None)


async def task(fault: Fault) -> None:
    done = asyncio.create_task(asyncio.sleep(0))
    done.add_done_callback(lambda _: fault())
    await quiet()


async def destructor(fault: Fault) -> None:
    class Connection:
        def __del__(self) -> None:
            fault()

    Connection()


async def weakref_(fault: Fault) -> None:
    class Plain:
        pass

    thing = Plain()
    reference = weakref.ref(thing, lambda _: fault())
    del thing
    assert reference() is None


async def finaliser(fault: Fault) -> None:
    async def rows():
        try:
            yield 1
        finally:
            fault()

    async for _ in rows():
        break
    gc.collect(0)
    await quiet()


async def generator(fault: Fault) -> None:
    def rows():
        fault()
        yield 1

    assert [*rows()] == [1]


async def signal_(fault: Fault) -> None:
    signal.signal(signal.SIGUSR1, lambda *_: fault())
    os.kill(os.getpid(), signal.SIGUSR1)


async def eager(fault: Fault) -> None:
    if sys.version_info >= (3, 12):
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await asyncio.create_task(coroutine(fault))


async def property_(fault: Fault) -> None:
    class Basket:
        @property
        def total(self) -> int:
            fault()
            return 7

    assert Basket().total == 7


async def decorator(fault: Fault) -> None:
    def around(function: Fault) -> Fault:
        @functools.wraps(function)
        def call() -> None:
            return function()

        return call

    around(around(fault))()


async def exec_(fault: Fault) -> None:
    exec("fault()", {"fault": fault})


async def thread(fault: Fault) -> None:
    # This loop sleeps by then and is not woken: it would be late where the fault keeps the GIL, and that is told of another program.
    async def later() -> None:
        await quiet()
        fault()

    other = threading.Thread(target=asyncio.run, args=(later(),), name="second")
    other.start()
    await asyncio.to_thread(other.join)


async def main(shape: Callable[[Fault], Awaitable[None]]) -> None:
    for fault in FAULTS:
        await quiet()
        await shape(fault)
    await quiet()


if __name__ == "__main__":
    name = sys.argv[1]
    run(main(globals().get(f"{name}_") or globals()[name]))
