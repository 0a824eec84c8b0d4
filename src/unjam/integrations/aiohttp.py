"""Middleware for aiohttp's server: `setup(app)`, and `request["unjam"]` is the `Request` of unjam.

from unjam.integrations.aiohttp import setup

app = web.Application()
setup(app)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from unjam.errors import NotAvailable
from unjam.integrations.server_timing import Detail, detail_of, server_timing
from unjam.integrations.web.tracker import tracker

try:
    from aiohttp import web
except ImportError as error:
    raise NotAvailable("unjam.integrations.aiohttp needs aiohttp: pip install aiohttp") from error

KEY = "unjam"
"""The key of a request's `Request`."""


def setup(app: web.Application, *, server_timing: Detail = "full", install: bool = False) -> None:
    """Measure each request and websocket of the application, before its other middlewares.

    `server_timing` is "full", "durations" or "off": what the header of that name tells. With `install` the process is watched
    from the start of the application on, where it is not yet. Raises UsageError where an option cannot be.
    """
    detail = detail_of(server_timing)
    app.middlewares.insert(0, _measured)
    if detail != "off":
        app.on_response_prepare.append(_Header(detail))
    app.on_startup.append(_installing if install else _wiring)


@web.middleware
async def _measured(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    tally = tracker.begin(request, route_of)
    if tally is None:
        return await handler(request)
    request[KEY] = tally
    try:
        return await handler(request)
    finally:
        tally.finish()


def route_of(request: web.Request) -> str:
    """Method and template of the resource, such as "GET /items/{id}"; the method alone where nothing matched."""
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource is not None else ''}".strip()


class _Header:
    """Adds the header as a response is about to be sent, streams and websockets included."""

    def __init__(self, detail: Detail) -> None:
        self._detail = detail

    async def __call__(self, request: web.Request, response: web.StreamResponse) -> None:
        tally: Any = request.get(KEY)
        if tally is not None:
            response.headers.add("Server-Timing", server_timing(tally, self._detail).decode("latin-1"))


async def _wiring(app: web.Application) -> None:
    del app
    tracker.wire()


async def _installing(app: web.Application) -> None:
    from unjam.monitor import install

    install()
    await _wiring(app)
