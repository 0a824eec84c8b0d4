"""A small FastAPI service: one endpoint that validates, awaits and answers."""

import asyncio

from fastapi import FastAPI
from pydantic import BaseModel


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
