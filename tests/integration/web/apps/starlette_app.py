"""Starlette, with a websocket, an endpoint that fails, and one in a thread."""

import asyncio
import logging

import scene
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute

from unjam.integrations.asgi import UnjamMiddleware
from unjam.integrations.web import RequestFields


async def quick(request):
    return JSONResponse(await scene.quick(request.state.unjam))


async def block(request):
    scene.noted(request.state.unjam)

    async def body():
        yield b"now"
        scene.held()
        yield b"done"

    return StreamingResponse(body())


async def told(request):
    return JSONResponse(scene.told())


async def fails(request):
    scene.noted(request.state.unjam)
    raise ValueError("a secret")


async def socket(websocket):
    await websocket.accept()
    scene.noted(websocket.state.unjam)
    async for _ in websocket.iter_text():
        await websocket.send_json(websocket.state.unjam.fields())


class Kept(logging.Handler):
    def emit(self, record):
        self.field = getattr(record, "unjam", None)


async def logs(request):
    logger, kept = logging.getLogger("service"), Kept()
    kept.addFilter(RequestFields())
    logger.addHandler(kept)
    logger.warning("in a request")
    logger.removeHandler(kept)
    return JSONResponse(kept.field)


async def tasks(request):
    await asyncio.gather(*(asyncio.create_task(asyncio.sleep(0)) for _ in range(5)))
    return JSONResponse(request.state.unjam.fields())


routes = [
    Route("/quick/{number}", quick),
    Route("/block/{number}", block),
    Route("/told", told),
    Route("/fails/{number}", fails),
    Route("/tasks", tasks),
    Route("/logs/{number}", logs),
    Mount("/mounted", routes=[Route("/quick/{number}", quick)]),
    WebSocketRoute("/socket/{number}", socket),
]
app = UnjamMiddleware(Starlette(routes=routes), install=True)
