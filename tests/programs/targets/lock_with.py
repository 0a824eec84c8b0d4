"""A lock that a thread holds."""

import threading
import time

from _truth import measured, quiet, run

lock = threading.Lock()
held = threading.Event()


def worker() -> None:
    with lock:
        held.set()
        time.sleep(0.25)


async def main() -> None:
    threading.Thread(target=worker).start()
    held.wait()
    await quiet()
    with measured():
        with lock:  # expect: UJ201 says=taken
            pass
    await quiet()


run(main())
