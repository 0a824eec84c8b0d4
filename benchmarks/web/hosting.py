"""A service under uvicorn in one of its variants."""

import os
from pathlib import Path

import uvicorn

import unjam
from unjam.integrations import prometheus
from unjam.integrations.asgi import UnjamMiddleware


def serve(port: int, app: object, loop: str, variant: str, folder: Path) -> None:
    """Be `bare`, `watched`, with the `middleware`, with it `headerless`, or with `everything`, until told to end."""
    os.chdir(folder)
    config = uvicorn.Config(app, host="127.0.0.1", port=port, loop=loop, access_log=False, log_level="error")
    config.load()
    if not variant.startswith("bare"):
        unjam.install(log=False)
        if variant == "everything":
            prometheus.install()
        if variant != "watched":
            told = "off" if variant == "headerless" else "full"
            config.loaded_app = UnjamMiddleware(config.loaded_app, server_timing=told)
    uvicorn.Server(config).run()
