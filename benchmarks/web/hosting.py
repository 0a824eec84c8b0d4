"""A service under uvicorn; /cpu answers how many seconds of CPU the process has used, /switch/VARIANT has it be another of its variants.

python server.py SERVICE PORT LOOP      SERVICE: offers (a small FastAPI service), shop (examples/shop, without its faults)
"""

import importlib
import sys
import time
from pathlib import Path

import prometheus_client
import uvicorn

SERVICE, PORT, LOOP = sys.argv[1:]
sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "shop"))

app = importlib.import_module({"offers": "offers", "shop": "shop.main"}[SERVICE]).app
app.mount("/metrics", prometheus_client.make_asgi_app())


@app.get("/cpu")
async def cpu() -> float:
    """Seconds of CPU, all threads included."""
    return time.process_time()


class Variants:
    """Which of its variants the service is: who watches, and which application new connections are given."""

    def __init__(self, config: uvicorn.Config) -> None:
        config.load()
        self._config, self._bare = config, config.loaded_app
        self._stop_offering = lambda: None

    def switch(self, variant: str) -> None:
        """Be `bare`, `bare again`, `watched`, with the `middleware`, with it `headerless`, or with `everything`."""
        import unjam
        from unjam.integrations import prometheus
        from unjam.integrations.asgi import UnjamMiddleware

        unjam.uninstall()
        self._stop_offering()
        self._stop_offering = lambda: None
        self._config.loaded_app = self._bare
        if variant.startswith("bare"):
            return
        unjam.install()
        if variant == "everything":
            self._stop_offering = prometheus.install()
        if variant != "watched":
            told = "off" if variant == "headerless" else "full"
            self._config.loaded_app = UnjamMiddleware(self._bare, server_timing=told)


if __name__ == "__main__":
    config = uvicorn.Config(app, host="127.0.0.1", port=int(PORT), loop=LOOP, access_log=False, log_level="error")
    variants = Variants(config)

    @app.get("/switch/{variant}")
    async def switch(variant: str) -> None:
        """Be another variant for the connections that come."""
        variants.switch(variant)

    uvicorn.Server(config).run()
