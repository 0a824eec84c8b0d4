"""ASGI, without a framework: holds its loop while it answers, and once more as it shuts down; what is logged goes to `log`."""

import logging
import time

from unjam.integrations.asgi import UnjamMiddleware

HELD_S = 0.25

# Opened for writing, not for appending: what is logged after the end of logging itself is lost.
logging.getLogger("unjam").addHandler(logging.FileHandler("log", mode="w"))


def shut_down():
    time.sleep(HELD_S)


def answer():
    time.sleep(HELD_S)


async def plain(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        shut_down()
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/hold":
        answer()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


app = UnjamMiddleware(plain, install=True)
