"""A big graph that the collector was told to leave alone."""

import gc

from _truth import quiet, run

gc.disable()
GRAPH = [[number, [number]] for number in range(500_000)]
gc.freeze()
gc.enable()


async def main() -> None:
    await quiet()
    [[] for _ in range(20_000)]
    gc.collect()
    await quiet()


run(main())
