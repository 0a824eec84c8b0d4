"""The result of a thread pool, waited for on the loop."""

import time
from concurrent.futures import ThreadPoolExecutor

from _truth import measured, quiet, run


async def main() -> None:
    pool = ThreadPoolExecutor()
    await quiet()
    with measured():
        pool.submit(time.sleep, 0.15).result()  # expect: UJ203 leaf=concurrent.futures.Future.result
    await quiet()


run(main())
