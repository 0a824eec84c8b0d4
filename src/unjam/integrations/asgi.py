"""Middleware for any ASGI application (asgi.readthedocs.io): Starlette, FastAPI, Litestar, Quart, Django under ASGI, none.

app.add_middleware(UnjamMiddleware)          Starlette, FastAPI
app = UnjamMiddleware(app)                   anything
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from unjam.integrations.server_timing import Detail, detail_of, server_timing
from unjam.integrations.web.tracker import tracker
from unjam.monitor import current as current_monitor
from unjam.monitor import install
from unjam.probes.requests import route_of

Message: TypeAlias = MutableMapping[str, Any]
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

KINDS = frozenset({"http", "websocket"})
"""Scopes that are requests."""

STARTS = frozenset({"http.response.start", "websocket.http.response.start"})
"""Messages that carry the headers of a response."""


class UnjamMiddleware:
    """Measures each HTTP request and websocket: `scope["state"]["unjam"]` is its `Request`, `request.state.unjam` in Starlette.

    `server_timing` is "full", "durations" or "off": what the header of that name tells. With `install` the process is watched
    from the start of its lifespan on, where it is not yet; without, requests pass through until somebody calls
    `unjam.install()`. Raises UsageError where an option cannot be.
    """

    def __init__(self, app: App, *, server_timing: Detail = "full", install: bool = False) -> None:
        """See the class."""
        self.app = app
        self._change = _CHANGES[detail_of(server_timing)]
        self._install = install

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what came, and measure it."""
        kind = scope["type"]
        if self._install:
            self._install_once()
        if kind not in KINDS:
            if current_monitor() is not None:
                tracker.wire()
            await self.app(scope, receive, send)
            return
        request = tracker.begin(scope, route_of)
        if request is None:
            await self.app(scope, receive, send)
            return
        scope.setdefault("state", {})["unjam"] = request
        if self._change is not None:
            send = request.passing(send, STARTS, self._change)
        try:
            await self.app(scope, receive, send)
        finally:
            request.finish()

    def _install_once(self) -> None:
        self._install = False
        install()


def _with_times(request: Any, message: Message) -> Message:
    """The first message of an answer with the header."""
    return {**message, "headers": [*(message.get("headers") or ()), (b"server-timing", request.timing())]}


def _with_all(request: Any, message: Message) -> Message:
    """The same, with who made the request late."""
    if request.delays is None:
        return _with_times(request, message)
    return {**message, "headers": [*(message.get("headers") or ()), (b"server-timing", server_timing(request, "full"))]}


_CHANGES: dict[Detail, Callable[[Any, Message], Message] | None] = {
    "full": _with_all,
    "durations": _with_times,
    "off": None,
}
