"""A lock taken by hand, one of the reentrant kind, and a semaphore."""

import threading
import time

from _truth import measured, quiet, run


def hold(lock: threading.Lock, seconds: float) -> None:
    held = threading.Event()

    def worker() -> None:
        lock.acquire()
        held.set()
        time.sleep(seconds)
        lock.release()

    threading.Thread(target=worker).start()
    held.wait()


async def main() -> None:
    plain, reentrant, semaphore = threading.Lock(), threading.RLock(), threading.Semaphore()
    hold(plain, 0.2)
    await quiet()
    with measured("plain"):
        plain.acquire()  # expect: UJ201 ms=plain
    await quiet()
    hold(reentrant, 0.2)
    await quiet()
    with measured("reentrant"):
        reentrant.acquire()  # expect: UJ201 ms=reentrant
    await quiet()
    hold(semaphore, 0.2)
    await quiet()
    with measured("semaphore"):
        semaphore.acquire()  # expect: UJ201 leaf=threading.Semaphore.acquire ms=semaphore
    await quiet()


run(main())
