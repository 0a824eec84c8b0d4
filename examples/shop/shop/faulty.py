"""Endpoints as people write them: each one holds the event loop in its own way."""

import asyncio

from fastapi import APIRouter, Request, Response

from shop import database, exports, passwords, suppliers

router = APIRouter()


@router.get("/items/{item}/price")
async def price(item: str) -> dict[str, float]:
    """A blocking HTTP client, two helpers deep."""
    return {"price": suppliers.price_of(item)}


@router.get("/items/{item}/stock")
async def stock(item: str) -> dict[str, int]:
    """A decorator that sleeps between two tries."""
    return {"left": suppliers.stock_of(item)}


@router.get("/catalogue")
async def catalogue(request: Request) -> dict[str, int]:
    """A lock that a thread holds while it waits for the network."""
    return {"items": len(request.app.state.catalogue.locked_items())}


@router.post("/orders")
async def order(item: str, count: int = 1) -> dict[str, int]:
    """A database write that waits for another writer."""
    return {"id": database.add_order(item, count, "customer-0")}


@router.get("/orders/report")
async def report() -> Response:
    """The query went to a thread; turning its rows into megabytes of JSON did not."""
    orders = await asyncio.to_thread(database.history)
    return Response(exports.as_json(orders), media_type="application/json")


@router.get("/orders/export")
async def export() -> Response:
    """A loop over all orders in Python."""
    orders = await asyncio.to_thread(database.history)
    return Response(exports.as_csv(orders), media_type="text/csv")


@router.get("/orders/{number}/invoice")
async def invoice(number: int, postcode: str = "350101") -> dict[str, float]:
    """An import inside the handler: the first request pays for it."""
    from shop.tax import with_tax

    return {"total": with_tax(float(number), postcode)}


@router.post("/customers")
async def customer(name: str, password: str) -> dict[str, str]:
    """Password hashing, slow on purpose."""
    return {"name": name, "hash": passwords.hashed(password)}
