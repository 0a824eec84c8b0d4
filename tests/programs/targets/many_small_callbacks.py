"""Three hundred callbacks of a millisecond each."""

import asyncio
import time

from _truth import quiet, run

# serial: what computes is judged alone

# expect: UJ401 culprit=any leaf=callback grade-asyncio=exact count=1


def callback() -> None:
    end = time.perf_counter() + 0.001
    while time.perf_counter() < end:
        pass


async def main() -> None:
    await quiet()
    for _ in range(300):
        asyncio.get_running_loop().call_soon(callback)
    await quiet()


run(main())
