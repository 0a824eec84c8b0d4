# needs: aiohttp
"""A request of aiohttp that holds the loop is named by its route, without a middleware."""

import gc
import time

from _truth import quiet, run
from aiohttp import ClientSession, web


async def slow(request: web.Request) -> web.Response:
    time.sleep(0.15)  # expect: UJ101 leaf=time.sleep count=1 holder=/slow/{number}
    return web.Response()


async def main() -> None:
    app = web.Application()
    app.add_routes([web.get("/slow/{number}", slow)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with ClientSession() as session:
        await quiet()
        await session.get(f"http://127.0.0.1:{port}/slow/7")
        await quiet()
    await runner.cleanup()


gc.freeze()  # on a busy machine a collection of all that was imported is a stall, and a true finding
run(main())
