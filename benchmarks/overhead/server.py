"""An ASGI hello-world under uvicorn; /cpu answers how many seconds of CPU the process has used.

python server.py PORT LOOP
"""

import sys
import time

import uvicorn


async def app(scope, _receive, send):
    """Answer every request at once."""
    if scope["type"] != "http":
        return
    body = repr(time.process_time()).encode() if scope["path"] == "/cpu" else b"Hello, world!"
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop=sys.argv[2],
        lifespan="off",
        access_log=False,
        log_level="error",
    )
