"""The same endpoints, with the loop left free."""

import asyncio
from collections.abc import AsyncIterator, Iterator

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from shop import database, exports, passwords, tax

router = APIRouter()


@router.get("/items/{item}/price")
async def price(request: Request, item: str) -> dict[str, float]:
    """An asynchronous client that the application keeps."""
    return {"price": await request.app.state.suppliers.price_of(item)}


@router.get("/items/{item}/stock")
async def stock(request: Request, item: str) -> dict[str, int]:
    """The pause between two tries is awaited."""
    return {"left": await request.app.state.suppliers.stock_of(item)}


@router.get("/catalogue")
async def catalogue(request: Request) -> dict[str, int]:
    """No lock: the thread replaces an immutable value."""
    return {"items": len(request.app.state.catalogue.items)}


@router.post("/orders")
async def order(item: str, count: int = 1) -> dict[str, int]:
    """The wait for the other writer happens in a thread."""
    return {"id": await asyncio.to_thread(database.add_order, item, count, "customer-0")}


@router.get("/orders/report")
async def report() -> StreamingResponse:
    """The JSON is made piece by piece: a thread would not help, json.dumps keeps the GIL."""
    orders = await asyncio.to_thread(database.history)
    return StreamingResponse(_in_turns(exports.json_pieces(orders)), media_type="application/json")


@router.get("/orders/export")
async def export() -> StreamingResponse:
    """The CSV is made piece by piece."""
    orders = await asyncio.to_thread(database.history)
    return StreamingResponse(_in_turns(exports.csv_pieces(orders)), media_type="text/csv")


@router.get("/orders/{number}/invoice")
async def invoice(number: int, postcode: str = "350101") -> dict[str, float]:
    """The table was built when the application started."""
    return {"total": tax.with_tax(float(number), postcode)}


@router.post("/customers")
async def customer(name: str, password: str) -> dict[str, str]:
    """The hashing happens in a thread: it releases the GIL."""
    return {"name": name, "hash": await asyncio.to_thread(passwords.hashed, password)}


async def _in_turns(pieces: Iterator[str]) -> AsyncIterator[str]:
    for piece in pieces:
        yield piece
        await asyncio.sleep(0)
