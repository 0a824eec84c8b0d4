"""A process that runs the type checker and ends it together with us, however we end; run as a script, never imported.

    python -I -S keeper.py FOLDER COMMAND ...

The command's output goes to `FOLDER/said`, its exit code to our standard output. The folder stays until our standard input
ends, which is when whoever started us has closed it, or is gone, be it by SIGKILL: then the command is killed and the folder
deleted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of the standard input, which carries nothing, and kill the command."""
    while os.read(0, 1024):
        pass
    process.kill()


def main(folder: str, command: list[str]) -> None:
    """Run the command, tell its exit code, and keep its folder until nobody wants it."""
    with open(os.path.join(folder, "said"), "wb") as said:  # noqa: PTH118, PTH123  pathlib would double our own start
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=folder)  # noqa: S603
        waiting = threading.Thread(target=_end, args=(process,))
        waiting.start()
        code = process.wait()
    try:
        os.write(1, b"%d\n" % code)
    except OSError:
        code = 1  # nobody reads it any more
    waiting.join()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
