"""Calls that hand a callable on: to a thread, to a process, back to the loop, or to be called right there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Where(Enum):
    """Where a callable that was handed on will run."""

    THREAD = "thread"
    PROCESS = "process"
    LOOP = "loop"
    HERE = "here"


@dataclass(frozen=True, slots=True)
class Handoff:
    """One parameter that takes a callable: `position` is 0-based without self, `keyword` its name where it has one.

    `awaited`: the call is meant to be awaited. With `keywords` it is a coroutine function: nothing happens otherwise.
    `keywords`: whether the call passes keyword arguments on to the callable.
    """

    name: str
    position: int
    where: Where
    keyword: str = ""
    awaited: bool = False
    keywords: bool = True
    startup: bool = False
    """Whether the callable runs once, before anything is served, or as rarely, on a signal."""
    unless: str = ""
    """A keyword argument that, given as True, sends the callable to a thread all the same."""
    coroutines: bool = False
    """Whether only coroutine functions run there: a plain function that is handed over goes to a thread, or is none of this."""


def _to_thread(*names: str, position: int = 0, keyword: str = "func") -> tuple[Handoff, ...]:
    return tuple(Handoff(name, position, Where.THREAD, keyword, awaited=True) for name in names)


def _on_loop(*names: str, position: int = 0, keyword: str = "callback") -> tuple[Handoff, ...]:
    return tuple(Handoff(name, position, Where.LOOP, keyword) for name in names)


def _at_startup(*names: str, position: int = -1, keyword: str = "on_startup") -> tuple[Handoff, ...]:
    return tuple(Handoff(name, position, Where.LOOP, keyword, startup=True) for name in names)


def _asked(*names: str, position: int = 0, keyword: str = "", startup: bool = False) -> tuple[Handoff, ...]:
    """What has a coroutine function run for each who asks."""
    return tuple(Handoff(name, position, Where.LOOP, keyword, startup=startup, coroutines=True) for name in names)


def _here(*names: str, position: int = 0, keyword: str = "") -> tuple[Handoff, ...]:
    return tuple(Handoff(name, position, Where.HERE, keyword) for name in names)


_LOOPS = (
    "asyncio.AbstractEventLoop",
    "asyncio.events.AbstractEventLoop",
    "asyncio.base_events.BaseEventLoop",
    "uvloop.Loop",
)
_EXECUTORS = (
    "concurrent.futures.Executor",
    "concurrent.futures._base.Executor",
    "concurrent.futures.ThreadPoolExecutor",
    "concurrent.futures.thread.ThreadPoolExecutor",
)
_VERBS = ("get", "post", "put", "delete", "patch", "head", "options", "view")
_PROCESSES = ("concurrent.futures.ProcessPoolExecutor", "concurrent.futures.process.ProcessPoolExecutor")

HANDOFFS: tuple[Handoff, ...] = (
    *_to_thread("asyncio.to_thread", "asyncio.threads.to_thread"),
    *(Handoff(f"{loop}.run_in_executor", 1, Where.THREAD, "func", awaited=True, keywords=False) for loop in _LOOPS),
    *(Handoff(f"{name}.{method}", 0, Where.THREAD, "fn") for name in _EXECUTORS for method in ("submit", "map")),
    *(Handoff(f"{name}.{method}", 0, Where.PROCESS, "fn") for name in _PROCESSES for method in ("submit", "map")),
    Handoff("threading.Thread", 1, Where.THREAD, "target"),
    Handoff("threading.Timer", 1, Where.THREAD, "function"),
    Handoff("_thread.start_new_thread", 0, Where.THREAD),
    Handoff("multiprocessing.Process", 1, Where.PROCESS, "target"),
    Handoff("multiprocessing.context.Process", 1, Where.PROCESS, "target"),
    *_to_thread("anyio.to_thread.run_sync", "trio.to_thread.run_sync"),
    Handoff("anyio.to_process.run_sync", 0, Where.PROCESS, "func", awaited=True),
    *_to_thread("starlette.concurrency.run_in_threadpool", "fastapi.concurrency.run_in_threadpool"),
    *_to_thread("asgiref.sync.sync_to_async", "channels.db.database_sync_to_async", "asyncer.asyncify"),
    *_to_thread("asyncer._main.asyncify", "aiofiles.os.wrap", "quart.utils.run_sync", "unjam.bridge.run"),
    *_to_thread("homeassistant.core.HomeAssistant.async_add_executor_job", keyword="target"),
    *_to_thread("homeassistant.core.HomeAssistant.async_add_import_executor_job", keyword="target"),
    *_to_thread("homeassistant.core.HomeAssistant.add_executor_job", keyword="target"),
    *_to_thread("tornado.ioloop.IOLoop.run_in_executor", position=1),
    *_to_thread("discord.ext.tasks.loop.run_in_executor", position=1),
    *(
        Handoff(f"{loop}.{name}", 0, Where.LOOP, "callback")
        for loop in _LOOPS
        for name in ("call_soon", "call_soon_threadsafe")
    ),
    *(Handoff(f"{loop}.{name}", 1, Where.LOOP, "callback") for loop in _LOOPS for name in ("call_later", "call_at")),
    *(Handoff(f"{loop}.{name}", 1, Where.LOOP, "callback") for loop in _LOOPS for name in ("add_reader", "add_writer")),
    *(Handoff(f"{loop}.add_signal_handler", 1, Where.LOOP, "callback", startup=True) for loop in _LOOPS),
    *(Handoff(f"{loop}.set_exception_handler", 0, Where.LOOP, "handler") for loop in _LOOPS),
    *_on_loop("asyncio.Future.add_done_callback", "asyncio.Task.add_done_callback", keyword="fn"),
    *_on_loop("_asyncio.Future.add_done_callback", "_asyncio.Task.add_done_callback", keyword="fn"),
    *_on_loop("asyncio.futures.Future.add_done_callback", "asyncio.tasks.Task.add_done_callback", keyword="fn"),
    *_on_loop(
        "tornado.ioloop.IOLoop.add_callback", "tornado.ioloop.IOLoop.spawn_callback", "tornado.ioloop.PeriodicCallback"
    ),
    *_on_loop("tornado.ioloop.IOLoop.call_later", "tornado.ioloop.IOLoop.add_timeout", position=1),
    *_on_loop("anyio.from_thread.run_sync", "trio.from_thread.run_sync", keyword="func"),
    Handoff("starlette.applications.Starlette.add_event_handler", 1, Where.LOOP, "func", startup=True),
    *_asked("asyncio.start_server", "asyncio.start_unix_server", keyword="client_connected_cb"),
    *_asked("asyncio.streams.start_server", "asyncio.streams.start_unix_server", keyword="client_connected_cb"),
    *_asked("websockets.serve", "websockets.server.serve", "websockets.asyncio.server.serve", keyword="handler"),
    *_asked(*(f"aiohttp.web.{verb}" for verb in _VERBS), position=1, keyword="handler"),
    *_asked(*(f"aiohttp.web_routedef.{verb}" for verb in _VERBS), position=1, keyword="handler"),
    *_asked("aiohttp.web.route", "aiohttp.web_routedef.route", position=2, keyword="handler"),
    *_asked("aiohttp.web_urldispatcher.UrlDispatcher.add_route", position=2, keyword="handler"),
    *_asked("starlette.routing.Route", "starlette.routing.WebSocketRoute", position=1, keyword="endpoint"),
    *_asked("fastapi.routing.APIRoute", "fastapi.routing.APIWebSocketRoute", position=1, keyword="endpoint"),
    *_asked(
        *(
            f"{owner}.{name}"
            for owner in (
                "fastapi.FastAPI",
                "fastapi.applications.FastAPI",
                "fastapi.APIRouter",
                "fastapi.routing.APIRouter",
            )
            for name in ("add_api_route", "add_api_websocket_route")
        ),
        position=1,
        keyword="endpoint",
    ),
    *_asked(
        *(f"starlette.applications.Starlette.{name}" for name in ("add_route", "add_websocket_route")),
        position=1,
        keyword="route",
    ),
    *_asked(
        *(f"starlette.routing.Router.{name}" for name in ("add_route", "add_websocket_route")),
        position=1,
        keyword="endpoint",
    ),
    *_asked("django.urls.path", "django.urls.re_path", position=1, keyword="view"),
    *_asked("telegram.ext.CommandHandler", "telegram.ext.MessageHandler", position=1, keyword="callback"),
    *_asked("telegram.ext.CallbackQueryHandler", "telegram.ext.InlineQueryHandler", keyword="callback"),
    *_asked("pyrogram.handlers.MessageHandler", "pyrogram.handlers.CallbackQueryHandler", keyword="callback"),
    *_asked("telethon.TelegramClient.add_event_handler", keyword="callback"),
    *_asked("apscheduler.schedulers.asyncio.AsyncIOScheduler.add_job", keyword="func"),
    *_asked("homeassistant.core.ServiceRegistry.async_register", position=2, keyword="service_func"),
    *_on_loop("sanic.Sanic.add_route", "sanic.Blueprint.add_route", keyword="handler"),
    *_on_loop("sanic.Sanic.register_middleware", keyword="middleware"),
    *_at_startup("sanic.Sanic.register_listener", position=0, keyword="listener"),
    *_at_startup("fastapi.FastAPI", "fastapi.applications.FastAPI", "starlette.applications.Starlette"),
    *_at_startup("litestar.Litestar", "litestar.app.Litestar"),
    Handoff("litestar.di.Provide", 0, Where.LOOP, "dependency", unless="sync_to_thread"),
    *_here("contextvars.Context.run", "_contextvars.Context.run", keyword="callable"),
    *_here("builtins.map", "builtins.filter", "functools.reduce", "_functools.reduce", keyword="function"),
    *_here("builtins.sorted", "builtins.min", "builtins.max", "builtins.list.sort", position=1, keyword="key"),
)
"""Sources: the documentation of asyncio, concurrent.futures, anyio, starlette, asgiref, Home Assistant, Tornado, aiohttp, websockets, python-telegram-bot,
Pyrogram, Telethon and APScheduler.

Home Assistant's `async_track_...` are not among them: of what they are given, coroutine functions and @callback run on the
loop, which is known without them, and everything else runs in a thread (homeassistant.core.get_hassjob_callable_job_type).
"""

BY_METHOD: dict[str, Handoff] = {
    "run_in_executor": Handoff("run_in_executor", 1, Where.THREAD, "func", awaited=True, keywords=False),
    "async_add_executor_job": Handoff("async_add_executor_job", 0, Where.THREAD, "target", awaited=True),
    "async_add_import_executor_job": Handoff("async_add_import_executor_job", 0, Where.THREAD, awaited=True),
    "call_soon_threadsafe": Handoff("call_soon_threadsafe", 0, Where.LOOP, "callback"),
    "call_soon": Handoff("call_soon", 0, Where.LOOP, "callback"),
    **{each.name: each for each in _asked(*(f"add_{verb}" for verb in _VERBS), position=1, keyword="handler")},
    **{each.name: each for each in _asked("add_api_route", "add_websocket_route", position=1, keyword="endpoint")},
    **{each.name: each for each in _asked("on_startup", "on_shutdown", startup=True)},
}
"""Method names that mean the same on whatever they are called, for receivers whose type is not known."""

BY_LIST: dict[str, Handoff] = {
    f"{name}.append": Handoff(f"{name}.append", 0, Where.LOOP, startup=True)
    for name in ("on_startup", "on_shutdown", "on_cleanup", "cleanup_ctx")
}
"""Lists of an application that its hooks are put into:
https://docs.aiohttp.org/en/stable/web_reference.html#aiohttp.web.Application.on_startup."""

OFFLOADING_DECORATORS = frozenset(
    {
        "asgiref.sync.sync_to_async",
        "channels.db.database_sync_to_async",
        "tornado.concurrent.run_on_executor",
        "asyncer.asyncify",
        "quart.utils.run_sync",
    }
)
"""Decorators after which calling the function runs it in a thread."""
