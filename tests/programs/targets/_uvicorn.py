"""A real uvicorn in the program's own loop, with everything imported before that loop runs: an import on the loop would be a true finding."""

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio._backends._asyncio  # noqa: F401  what httpx and Starlette import at their first use
import uvicorn


def configured(app: Any) -> uvicorn.Config:
    """What uvicorn needs to serve this application; call it before the loop runs.

    FastAPI looks the source of an endpoint up at its first request: what `inspect` reads of all modules for that, it has read then.
    """
    for route in getattr(app, "routes", ()):
        inspect.getsourcelines(route.endpoint)
    config = uvicorn.Config(app, port=0, log_level="warning")
    config.load()
    return config


@asynccontextmanager
async def serving(config: uvicorn.Config) -> AsyncIterator[str]:
    """Serve, give the address, and stop at the end."""
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task
