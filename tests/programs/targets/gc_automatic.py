"""A collection that the allocation of the moment happens to start."""

import gc

from _truth import quiet, run

# serial: what computes is judged alone

gc.disable()
GRAPH = [[number, [number]] for number in range(700_000)]


async def main() -> None:
    await quiet()
    gc.set_threshold(700, 1, 1)
    gc.enable()
    [[] for _ in range(3000)]  # expect: UJ304 culprit=any required=native|asyncio
    gc.disable()
    await quiet()


run(main())
