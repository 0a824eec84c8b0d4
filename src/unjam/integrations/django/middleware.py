"""The middleware: what each asynchronous request took of its loop, as `request.unjam`; others pass through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings

from unjam.integrations.django.options import options_of
from unjam.integrations.server_timing import server_timing
from unjam.integrations.web.tracker import current, tracker


class UnjamMiddleware:
    """Under ASGI it measures; under WSGI there is no loop, and a request goes by untouched.

    It belongs first in MIDDLEWARE. Where it stands behind one that is synchronous only, Django runs it in a thread, and
    nothing can be measured: the system check says so.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        """Django's own contract: `get_response` is a coroutine function under ASGI, else a plain one."""
        self._next = get_response
        self._options = options_of(settings)
        self._install = self._options.install
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
            # Django would send a plain method through a thread: there is one in an asynchronous chain only.
            self.process_view = self._routed

    def __call__(self, request: Any) -> Any:
        """Handle a request: returns a response, or its awaitable."""
        if not self._is_async:
            request.unjam = None
            return self._next(request)
        return self._measured(request, self._next)

    async def _measured(self, request: Any, following: Callable[[Any], Awaitable[Any]]) -> Any:
        if self._install:
            self._install_once()
        tally = tracker.begin(request, route_of)
        # Where the whole application is wrapped by the ASGI middleware, the request is that one's already.
        request.unjam = tally if tally is not None else current()
        if request.unjam is None:
            return await following(request)
        try:
            response = await following(request)
            if tally is not None and self._options.server_timing != "off":
                self._add_header(response, tally)
        finally:
            if tally is not None:
                tally.finish()
        return response

    async def _routed(self, request: Any, *view: Any) -> None:
        del view
        if request.unjam is not None:
            request.unjam.route = route_of(request)

    def _add_header(self, response: Any, tally: Any) -> None:
        value = server_timing(tally, self._options.server_timing).decode("latin-1")
        before = response.headers.get("Server-Timing")
        response.headers["Server-Timing"] = f"{before}, {value}" if before else value

    def _install_once(self) -> None:
        from unjam.monitor import install

        self._install = False
        install(threshold=self._options.threshold)


def route_of(request: Any) -> str:
    """Method and route of the URL pattern, such as "GET items/<int:id>"; the method alone where nothing matched."""
    match = request.resolver_match
    return f"{request.method} {match.route if match is not None else ''}".strip()
