"""Litestar."""

import scene
from litestar import Litestar, Request, get
from litestar.response import Stream

from unjam.integrations.asgi import UnjamMiddleware


@get("/quick/{number:int}")
async def quick(request: Request) -> dict:
    return await scene.quick(request.scope["state"]["unjam"])


@get("/block/{number:int}")
async def block(request: Request) -> Stream:
    scene.noted(request.scope["state"]["unjam"])

    async def body():
        yield b"now"
        scene.held()
        yield b"done"

    return Stream(body())


@get("/told")
async def told() -> list:
    return scene.told()


app = UnjamMiddleware(Litestar([quick, block, told]), install=True)
