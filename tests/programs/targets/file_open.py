"""Opening a file takes as long as somebody else takes."""

import os
import tempfile
import threading

from _truth import measured, quiet, run


async def main() -> None:
    path = os.path.join(tempfile.mkdtemp(), "fifo")
    os.mkfifo(path)
    threading.Timer(0.2, lambda: os.close(os.open(path, os.O_WRONLY))).start()
    await quiet()
    with measured():
        file = open(path)  # expect: UJ102 leaf=open
    file.close()
    await quiet()


run(main())
