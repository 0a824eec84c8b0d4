"""Where frameworks enter a program: what they run on the loop, and what they run in a pool."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Sync(Enum):
    """What a framework does with a plain `def` given where an `async def` could be."""

    LOOP = "loop"
    """It calls it right on the loop."""
    POOL = "pool"
    """It runs it in a thread."""


@dataclass(frozen=True, slots=True)
class Registration:
    """A decorator by which a framework takes a function in.

    `name` is the qualified name of the decorator: a method of the class that users instantiate, or a function.
    `label` is how a report calls the function; {first} is the decorator's first argument, {name} the function's name.
    """

    name: str
    sync: Sync
    label: str
    startup: bool = False


@dataclass(frozen=True, slots=True)
class Prefix:
    """A convention of a framework: in files that import `package`, a `def` of that beginning is called on the loop."""

    package: str
    beginning: str
    label: str


@dataclass(frozen=True, slots=True)
class Override:
    """A base class whose listed methods a framework calls on the loop: with `sync` LOOP even where they are plain `def`."""

    base: str
    methods: tuple[str, ...]
    label: str
    sync: Sync = Sync.LOOP


_VERBS = ("get", "post", "put", "delete", "patch", "head", "options")


def _routes(*owners: str, sync: Sync, extra: tuple[str, ...] = ()) -> tuple[Registration, ...]:
    verbs = tuple(
        Registration(f"{owner}.{verb}", sync, verb.upper() + " {first}") for owner in owners for verb in _VERBS
    )
    return verbs + tuple(Registration(f"{owner}.{name}", sync, name + " {first}") for owner in owners for name in extra)


REGISTRATIONS: tuple[Registration, ...] = (
    *_routes("fastapi.FastAPI", "fastapi.APIRouter", sync=Sync.POOL, extra=("api_route", "route")),
    *(
        Registration(f"{owner}.{name}", Sync.LOOP, name + " {first}")
        for owner in ("fastapi.FastAPI", "fastapi.APIRouter", "starlette.applications.Starlette")
        for name in ("websocket", "middleware")
    ),
    *(
        Registration(f"{owner}.on_event", Sync.LOOP, "start-up hook {name}", startup=True)
        for owner in ("fastapi.FastAPI", "fastapi.APIRouter", "starlette.applications.Starlette")
    ),
    *(
        Registration(f"litestar.{name}", Sync.LOOP, name.upper() + " {first}")
        for name in (*_VERBS, "websocket", "route", "asgi", "websocket_listener")
    ),
    *(Registration(f"aiohttp.web.RouteTableDef.{verb}", Sync.LOOP, verb.upper() + " {first}") for verb in _VERBS),
    Registration("aiohttp.web.middleware", Sync.LOOP, "middleware {name}"),
    *_routes("quart.Quart", "quart.Blueprint", sync=Sync.POOL, extra=("route", "websocket", "before_request")),
    *_routes("sanic.Sanic", "sanic.Blueprint", sync=Sync.LOOP, extra=("route", "websocket", "middleware", "exception")),
    *(
        Registration(f"{owner}.{name}", Sync.LOOP, "middleware {name}")
        for owner in ("sanic.Sanic", "sanic.Blueprint")
        for name in ("on_request", "on_response")
    ),
    *(
        Registration(f"sanic.Sanic.{name}", Sync.LOOP, "start-up hook {name}", startup=True)
        for name in ("before_server_start", "after_server_start", "main_process_start", "listener")
    ),
    Registration("homeassistant.core.callback", Sync.LOOP, "callback {name}"),
    Registration("mcp.server.fastmcp.FastMCP.tool", Sync.LOOP, "MCP tool {name}"),
    Registration("mcp.server.fastmcp.FastMCP.resource", Sync.LOOP, "MCP resource {first}"),
    Registration("mcp.server.fastmcp.FastMCP.prompt", Sync.LOOP, "MCP prompt {name}"),
    *(
        Registration(f"{owner}.{name}", Sync.POOL, "MCP " + name.replace("_", " ") + " {name}")
        for owner, names in (
            ("fastmcp.FastMCP", ("tool", "resource", "prompt", "custom_route")),
            ("mcp.server.fastmcp.FastMCP", ("custom_route",)),
            ("mcp.server.Server", ("call_tool", "list_tools", "read_resource", "get_prompt")),
        )
        for name in names
    ),
    Registration("discord.Client.event", Sync.LOOP, "event {name}"),
    *(
        Registration(f"discord.ext.commands.{name}", Sync.LOOP, "command {name}")
        for name in (
            *("command", "group", "hybrid_command", "hybrid_group", "Group.command", "Cog.listener"),
            *("Bot.command", "Bot.event", "Bot.group", "Bot.hybrid_command", "Bot.listen"),
        )
    ),
    Registration("discord.app_commands.command", Sync.LOOP, "command {name}"),
    Registration("aiogram.Router.message", Sync.POOL, "message handler {name}"),
    Registration("aiogram.Dispatcher.message", Sync.POOL, "message handler {name}"),
    Registration("aiogram.Router.callback_query", Sync.POOL, "callback query handler {name}"),
    *(
        Registration(f"faststream.{broker}.subscriber", Sync.POOL, "subscriber {first}")
        for broker in ("rabbit.RabbitBroker", "kafka.KafkaBroker", "nats.NatsBroker", "redis.RedisBroker")
    ),
    Registration("taskiq.AsyncBroker.task", Sync.POOL, "task {name}"),
    Registration("apscheduler.schedulers.asyncio.AsyncIOScheduler.scheduled_job", Sync.POOL, "job {name}"),
    *(
        Registration(f"slack_bolt.async_app.AsyncApp.{name}", Sync.POOL, name + " {first}")
        for name in ("action", "command", "event", "message", "shortcut", "view")
    ),
    *(
        Registration(f"pyrogram.Client.on_{name}", Sync.POOL, name.replace("_", " ") + " handler {name}")
        for name in ("message", "callback_query", "edited_message", "inline_query")
    ),
    Registration("telethon.TelegramClient.on", Sync.LOOP, "event handler {name}"),
    Registration("socketio.AsyncServer.event", Sync.LOOP, "event {name}"),
    Registration("socketio.AsyncServer.on", Sync.LOOP, "event {first}"),
)
"""Each verified in the framework's source: starlette.routing, fastapi.routing, litestar.handlers, quart.app, sanic.app,
mcp.server.fastmcp.utilities.func_metadata, aiogram.dispatcher.event.handler, homeassistant.core."""

OVERRIDES: tuple[Override, ...] = (
    *(
        Override(
            f"{module}.{name}",
            (
                "connection_made",
                "connection_lost",
                "data_received",
                "eof_received",
                "datagram_received",
                "error_received",
                "pause_writing",
                "resume_writing",
                "pipe_data_received",
                "process_exited",
                "get_buffer",
                "buffer_updated",
            ),
            "{class}.{name} (protocol)",
        )
        for module in ("asyncio", "asyncio.protocols")
        for name in ("BaseProtocol", "Protocol", "DatagramProtocol", "BufferedProtocol", "SubprocessProtocol")
    ),
    Override(
        "tornado.web.RequestHandler",
        (*_VERBS, "prepare", "on_finish", "initialize", "write_error", "get_current_user"),
        "{class}.{name} (request handler)",
    ),
    Override("tornado.websocket.WebSocketHandler", ("open", "on_message", "on_close"), "{class}.{name} (websocket)"),
    *(
        Override(base, (*_VERBS, "dispatch", "dispatch_request"), "{class}.{name} (view)", Sync.POOL)
        for base in (
            *("django.views.View", "django.views.generic.View", "django.views.generic.base.View"),
            *("starlette.endpoints.HTTPEndpoint", "aiohttp.web.View", "aiohttp.web_urldispatcher.View"),
            *("quart.views.View", "quart.views.MethodView", "sanic.views.HTTPMethodView"),
        )
    ),
    *(
        Override(base, methods, "{class}.{name} (websocket)", Sync.POOL)
        for base, methods in (
            ("starlette.endpoints.WebSocketEndpoint", ("on_connect", "on_receive", "on_disconnect")),
            ("channels.generic.websocket.AsyncWebsocketConsumer", ("connect", "receive", "disconnect")),
            ("channels.generic.websocket.AsyncJsonWebsocketConsumer", ("connect", "receive_json", "disconnect")),
        )
    ),
    Override("starlette.middleware.base.BaseHTTPMiddleware", ("dispatch",), "middleware {class}", Sync.POOL),
    Override("aiogram.BaseMiddleware", ("__call__",), "middleware {class}", Sync.POOL),
    Override("discord.Client", ("on_message", "on_interaction", "on_reaction_add"), "event {name}", Sync.POOL),
    Override("discord.ui.Button", ("callback",), "{class}.{name} (interaction)", Sync.POOL),
    Override("discord.ui.Select", ("callback",), "{class}.{name} (interaction)", Sync.POOL),
    Override("discord.ui.Modal", ("on_submit",), "{class}.{name} (interaction)", Sync.POOL),
)
"""Methods that a framework calls on the loop. Sources: https://docs.djangoproject.com/en/stable/topics/async/, https://www.starlette.io/endpoints/, https://docs.aiohttp.org/en/stable/web_reference.html#view,
https://quart.palletsprojects.com/en/latest/reference/source/quart.views.html, https://sanic.dev/en/guide/advanced/class-based-views.html,
https://channels.readthedocs.io/en/stable/topics/consumers.html, https://docs.aiogram.dev/en/latest/dispatcher/middlewares.html,
https://discordpy.readthedocs.io/en/stable/api.html."""

ASGI = ("scope", "receive", "send")
"""What a coroutine takes that serves as an ASGI application or is around one: https://asgi.readthedocs.io/en/stable/specs/main.html#applications."""

PREFIXES: tuple[Prefix, ...] = (Prefix("homeassistant", "async_", "{name} (Home Assistant)"),)
"""https://developers.home-assistant.io/docs/asyncio_categorizing_functions: what begins so is called on the loop only."""

ROUTE_METHODS = frozenset({*_VERBS, "route", "websocket", "api_route", "websocket_route"})
"""Decorator methods that name a route where the first argument is a path: good for a label, never for an accusation."""

MAINS = frozenset({"asyncio.run", "asyncio.runners.run", "asyncio.Runner.run", "anyio.run", "uvloop.run", "trio.run"})
"""Calls that start a loop and run a coroutine in it to its end."""

TASKS = frozenset(
    {
        "add_task",
        "async_create_background_task",
        "async_create_task",
        "create_background_task",
        "create_task",
        "ensure_future",
        "run_coroutine_threadsafe",
        "start_soon",
    }
)
"""What starts a coroutine beside the one that runs, by the last part of its name."""
