"""Which HTTP request a step belongs to, where a known server handles it: method and route template, nothing else.

Raw paths, queries, headers and bodies are never read: they may name persons.
"""

from __future__ import annotations

import sys
from types import CoroutineType, FrameType, FunctionType, MethodType
from typing import Any

from unjam.model.lines import printable
from unjam.probes.arrivals import read_ns
from unjam.probes.frame_values import local_values
from unjam.probes.names import module_name

PROTOCOLS = ("uvicorn.protocols.http.",)
"""Modules of the protocols of servers whose `cycle` is the request being handled."""

CYCLE = "RequestResponseCycle.run_asgi"
"""The coroutine of uvicorn that runs the application for one request."""


_AIOHTTP, _HYPERCORN, _UVICORN = "aiohttp.web_protocol", "hypercorn.asyncio.task_group", "uvicorn.protocols."


def protocol_of(callback: Any) -> Any:
    """The protocol on whose transport a callback of asyncio reads or writes; None where it is something else."""
    if type(callback) is not MethodType:
        return None
    transport = callback.__self__
    if module_name(type(transport)) != "asyncio.selector_events":
        return None
    protocol = getattr(transport, "_protocol", None)
    return getattr(protocol, "_app_protocol", None) if module_name(type(protocol)) == "asyncio.sslproto" else protocol


def is_server(subject: Any) -> bool:
    """Whether it is the protocol, or the request, of a server whose requests can be named."""
    return module_name(type(subject)).startswith(PROTOCOLS)


def finished_of(protocol: Any) -> Any:
    """The request of a server's protocol whose answer is complete; None where one is being handled, or none has come."""
    cycle = getattr(protocol, "cycle", None)
    return cycle if is_server(cycle) and getattr(cycle, "response_complete", False) is True else None


def cycle_of(task: Any) -> Any:
    """The request that a task runs; None where it runs none."""
    frame = _frame_of(task)
    return local_values(frame).get("self") if frame is not None and frame.f_code.co_qualname == CYCLE else None


def _frame_of(task: Any) -> FrameType | None:
    """The frame of a task's coroutine, unless that has ended."""
    tasks: Any = sys.modules["asyncio.tasks"]
    coroutine = tasks.Task.get_coro(task) if isinstance(task, tasks.Task) else None
    return coroutine.cr_frame if type(coroutine) is CoroutineType else None


def came_ns(task: Any, now_ns: int) -> int | None:
    """When the request came that a task of uvicorn begins to run, as far as its connection tells; None where it does not."""
    transport = getattr(cycle_of(task), "transport", None)
    return None if transport is None else read_ns(transport, now_ns)


def handled_by(task: Any) -> str:
    """The name of the request or the websocket that a task of uvicorn, Hypercorn or aiohttp handles just now; "" where it handles none."""
    frame = _frame_of(task)
    module = None if frame is None else frame.f_globals.get("__name__")
    if frame is None or type(module) is not str or not module.startswith((_AIOHTTP, _HYPERCORN, _UVICORN)):
        return ""
    found = local_values(frame)
    if module == _AIOHTTP:
        # Not by `or`: a request may be of the program's own class, which is asked for nothing.
        given = found.get("request")
        return _aiohttps(getattr(found.get("self"), "_current_request", None) if given is None else given)
    scope = found.get("scope") if module == _HYPERCORN else getattr(found.get("self"), "scope", None)
    return route_of(scope) if type(scope) is dict and scope.get("type") in {"http", "websocket"} else ""


def _aiohttps(request: Any) -> str:
    """Method and route template of a request of aiohttp, as far as it has been routed; "" for anything else."""
    if not module_name(type(request)).startswith("aiohttp."):
        return ""
    match = getattr(request, "_match_info", None)
    resource = getattr(getattr(match, "_route", None), "_resource", None)
    known: Any = resource if module_name(type(resource)) == "aiohttp.web_urldispatcher" else None
    return printable(f"{request.method} {'' if known is None else known.canonical}".strip())


def name_of(subject: Any) -> str:
    """The name of a request, given itself or the protocol that handles it; "request" where nothing is known of it yet."""
    cycle = getattr(subject, "cycle", subject) if is_server(subject) else None
    scope = getattr(cycle, "scope", None) if is_server(cycle) else None
    return route_of(scope) if type(scope) is dict else "request"


def route_of(scope: dict[str, Any]) -> str:
    """Method and route template of an ASGI scope, as far as its framework has routed it: "GET /items/{id}".

    Where there is no template, the name of the endpoint; where there is none either, the method alone.
    """
    method = scope.get("method") if scope.get("type") != "websocket" else "WEBSOCKET"
    where = _template(scope) or _endpoint(scope.get("endpoint"))
    return printable(f"{method if type(method) is str else 'request'} {where}".strip())


def _template(scope: dict[str, Any]) -> str:
    """The template that Starlette and FastAPI (`route`) or Litestar (`path_template`) have left in the scope."""
    route, template = scope.get("route"), scope.get("path_template")
    known = module_name(type(route)).partition(".")[0] in {"starlette", "fastapi"}
    path = getattr(route, "path", None) if known else template
    return path if type(path) is str else ""


def _endpoint(endpoint: Any) -> str:
    return endpoint.__qualname__ if type(endpoint) is FunctionType else ""
