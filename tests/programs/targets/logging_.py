"""A log line whose handler waits for a slow reader."""

import logging
import os
import threading
import time

from _truth import measured, quiet, run

logger = logging.getLogger("app")


def read_late(reading: int) -> None:
    time.sleep(0.25)
    while os.read(reading, 1 << 16):
        pass


async def main() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    logger.addHandler(logging.StreamHandler(os.fdopen(writing, "w")))
    threading.Thread(target=read_late, args=(reading,), daemon=True).start()
    await quiet()
    with measured():
        logger.warning("the disk is slow")  # expect: UJ306
    await quiet()


run(main())
