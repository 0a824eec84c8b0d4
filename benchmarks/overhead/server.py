"""An ASGI hello-world under uvicorn.

/cpu answers how many seconds of CPU the process has used; /watch/TIER has unjam watch from then on, /watch/ has it stop.

python server.py PORT LOOP [FOLDER]
"""

import sys
import time

import uvicorn


async def app(scope, _receive, send):
    """Answer every request at once."""
    if scope["type"] != "http":
        return
    path = scope["path"]
    if path.startswith("/watch/"):
        switch(path.removeprefix("/watch/"))
    body = repr(time.process_time()).encode() if path == "/cpu" else b"Hello, world!"
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def switch(tier):
    """Be watched by this tier, or by none."""
    import unjam  # a server that is never asked is one without it

    unjam.uninstall()
    if tier:
        unjam.install(tier=tier, folder=sys.argv[3])


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
