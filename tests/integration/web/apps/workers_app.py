"""An application for gunicorn, as ASGI and as WSGI, that holds its worker for longer than gunicorn waits."""

import itertools
import time

from unjam.integrations.asgi import UnjamMiddleware


def waits():
    time.sleep(30)


def keeps_the_gil():
    sum(itertools.repeat(1, 10**10))  # one native call: no thread and no signal handler of Python runs meanwhile


HOLDS = {"/waits": waits, "/keeps-the-gil": keeps_the_gil}


async def answer(scope, receive, send):
    if scope["type"] == "http":
        HOLDS.get(scope["path"], bool)()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"well"})


app = UnjamMiddleware(answer)


def wsgi(environ, start_response):
    HOLDS.get(environ["PATH_INFO"], bool)()
    start_response("200 OK", [])
    return [b"well"]
