"""Quart, which handles each request in a task of its own and keeps its routes to itself."""

import scene
from quart import Quart, request

from unjam.integrations.asgi import UnjamMiddleware
from unjam.integrations.web import current

app = Quart(__name__)
app.asgi_app = UnjamMiddleware(app.asgi_app, install=True)


@app.before_request
async def named():
    measured = current()
    if measured is not None and request.url_rule is not None:
        measured.route = f"{request.method} {request.url_rule.rule}"


@app.get("/quick/<int:number>")
async def quick(number):
    return await scene.quick(current())


@app.get("/block/<int:number>")
async def block(number):
    scene.noted(current())

    async def body():
        yield b"now"
        scene.held()
        yield b"done"

    return body()


@app.get("/told")
async def told():
    return scene.told()
