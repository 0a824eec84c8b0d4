"""A lock that a thread holds."""

import threading
import time

from _truth import measured, quiet, run

lock = threading.Lock()
held = threading.Event()


def worker() -> None:
    with lock:
        held.set()
        time.sleep(2.5)  # long enough to be asked about on a busy machine, too


async def main() -> None:
    threading.Thread(target=worker).start()
    held.wait()
    await quiet()
    with measured():
        with lock:  # expect: UJ201 says=taken
            pass
    await quiet()


run(main())
