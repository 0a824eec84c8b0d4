"""aiohttp, with its own server: python aiohttp_app.py PORT"""

import sys

import scene
from aiohttp import web

from unjam.integrations.aiohttp import setup


async def quick(request):
    return web.json_response(await scene.quick(request["unjam"]))


async def block(request):
    scene.noted(request["unjam"])
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"now")
    scene.held()
    await response.write_eof(b"done")
    return response


async def told(request):
    return web.json_response(scene.told())


app = web.Application()
setup(app, install=True)
app.add_routes([web.get("/quick/{number}", quick), web.get("/block/{number}", block), web.get("/told", told)])

if __name__ == "__main__":
    web.run_app(app, host=sys.argv[1], port=int(sys.argv[2]), print=None)
