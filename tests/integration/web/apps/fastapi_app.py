"""FastAPI behind a middleware that runs the handler in a task of its own."""

import scene
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from unjam.integrations.asgi import UnjamMiddleware

app = FastAPI()


@app.middleware("http")
async def passing(request: Request, following):
    return await following(request)


app.add_middleware(UnjamMiddleware, install=True)


@app.get("/quick/{number}")
async def quick(number: int, request: Request):
    return await scene.quick(request.state.unjam)


@app.get("/block/{number}")
async def block(number: int, request: Request):
    scene.noted(request.state.unjam)

    async def body():
        yield b"now"
        scene.held()
        yield b"done"

    return StreamingResponse(body())


@app.get("/told")
async def told():
    return scene.told()
