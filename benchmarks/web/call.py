"""Requests in one watched process, with the middleware and without, in turn."""

import asyncio
import time

import uvloop

import unjam
from unjam.integrations.asgi import UnjamMiddleware

REQUESTS = 400
RUNNERS = {"asyncio": asyncio.run, "uvloop": uvloop.run}
SCOPE = {"type": "http", "method": "GET", "path": "/", "headers": [], "state": {}}
START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
BODY = {"type": "http.response.body", "body": b"Hello, world!"}


async def app(scope, receive, send):
    """Answer after one turn of the loop, as a handler with one await does."""
    await asyncio.sleep(0)
    await send(START)
    await send(BODY)


async def receive():
    """Nothing is sent."""
    return {"type": "http.request"}


async def send(message):
    """The answer goes nowhere."""


def added_us(loop: str, rounds: int) -> list[float]:
    """What the middleware added to each request, in each round."""
    unjam.install(record=False, log=False)
    try:
        return RUNNERS[loop](_added_us(rounds))
    finally:
        unjam.uninstall()


async def _added_us(rounds: int) -> list[float]:
    measured = UnjamMiddleware(app)
    await _batch(measured)
    added = []
    for number in range(rounds):
        apps = (app, measured) if number % 2 else (measured, app)
        seconds = {each: await _batch(each) for each in apps}
        added.append((seconds[measured] - seconds[app]) / REQUESTS * 1e6)
    return added


async def _batch(handler) -> float:
    began = time.thread_time()
    for _ in range(REQUESTS // 8):
        await asyncio.gather(*(asyncio.create_task(handler(dict(SCOPE, state={}), receive, send)) for _ in range(8)))
    return time.thread_time() - began
