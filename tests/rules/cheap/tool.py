"""A program that somebody runs by hand beside the service, with words on its command line: nobody is served meanwhile."""

import argparse
import asyncio
import time
from pathlib import Path

from cheap.tool_parts import part


async def rewrite(path: Path, count: int):
    done = 0
    while done < count:
        path.write_bytes(b"")  # note: UJ102 pathlib.Path.write_bytes
        await asyncio.gather(fetch(path), part())
        done += 1


async def fetch(path: Path):
    time.sleep(1)  # note: UJ101 time.sleep
    return path.read_bytes()  # note: UJ102 pathlib.Path.read_bytes


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    asyncio.run(rewrite(parser.parse_args().path, 3))
