"""A service under uvicorn in one of its variants; /cpu answers how many seconds of CPU the process has used.

python server.py SERVICE PORT LOOP VARIANT      SERVICE: offers (a small FastAPI service), shop (examples/shop, without its faults)
"""

import importlib
import sys
import time
from pathlib import Path

import uvicorn

SERVICE, PORT, LOOP, VARIANT = sys.argv[1:]
sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "shop"))

app = importlib.import_module({"offers": "offers", "shop": "shop.main"}[SERVICE]).app


@app.get("/cpu")
async def cpu() -> float:
    """Seconds of CPU, all threads included."""
    return time.process_time()


def prepare() -> None:
    """Have the service watched and measured as its variant says."""
    if VARIANT in {"watched", "middleware", "everything"}:
        import unjam

        unjam.install()
    if VARIANT in {"middleware", "everything"}:
        from unjam.integrations.asgi import UnjamMiddleware

        app.add_middleware(UnjamMiddleware)
    if VARIANT == "everything":
        import prometheus_client

        from unjam.integrations import prometheus

        prometheus.install()
        app.mount("/metrics", prometheus_client.make_asgi_app())


if __name__ == "__main__":
    prepare()
    uvicorn.run(app, host="127.0.0.1", port=int(PORT), loop=LOOP, access_log=False, log_level="error")
