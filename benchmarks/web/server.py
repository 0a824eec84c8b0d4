"""A FastAPI service under uvicorn; /cpu answers how many seconds of CPU the process has used.

python server.py PORT LOOP VARIANT
"""

import asyncio
import sys
import time

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

PORT, LOOP, VARIANT = sys.argv[1:]


class Offer(BaseModel):
    """What the service answers."""

    item: int
    count: int
    price: float
    notes: list[str]


app = FastAPI()


@app.get("/items/{item}")
async def offer(item: int, count: int = 1) -> Offer:
    """Ask a database that answers at once, and answer."""
    await asyncio.sleep(0)
    return Offer(item=item, count=count, price=9.95 * count, notes=["in stock"] * 5)


@app.get("/cpu")
async def cpu() -> float:
    """Seconds of CPU, all threads included."""
    return time.process_time()


if __name__ == "__main__":
    if VARIANT in {"watched", "middleware"}:
        import unjam

        unjam.install()
    if VARIANT == "middleware":
        from unjam.integrations.asgi import UnjamMiddleware

        app.add_middleware(UnjamMiddleware)
    uvicorn.run(app, host="127.0.0.1", port=int(PORT), loop=LOOP, access_log=False, log_level="error")
