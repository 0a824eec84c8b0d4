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


def serve(port, loop, tier="", folder=None):
    """Answer until the process is told to end, watched by this tier or by none."""
    if tier:
        import unjam  # a server that is not watched is one without it

        unjam.install(tier=tier, folder=folder, log=False)
    uvicorn.run(app, host="127.0.0.1", port=port, loop=loop, lifespan="off", access_log=False, log_level="error")


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
