# threshold: 4ms
"""Stalls shorter than the ten milliseconds between two looks at a healthy loop: whoever asks for them gets them, at their line."""

import time

from _truth import quiet, run


async def main() -> None:
    for _ in range(10):
        await quiet(marked=False)
        time.sleep(0.007)  # expect: UJ101 leaf=time.sleep


run(main())
