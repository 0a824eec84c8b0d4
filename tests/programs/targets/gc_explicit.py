"""A collection asked for, over a big graph."""

import gc

from _truth import measured, quiet, run

# serial: what computes is judged alone

gc.disable()
GRAPH = [[number, [number]] for number in range(700_000)]


async def main() -> None:
    await quiet()
    with measured():
        gc.collect()  # expect: UJ304 required=native|asyncio
    await quiet()


run(main())
