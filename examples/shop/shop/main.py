"""The application: start-up, background work, and one of the two routers.

uvicorn shop.main:app                           the endpoints with their faults
SHOP_ROUTES=healthy uvicorn shop.main:app       the same endpoints without
"""

import asyncio
import gc
import importlib
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from shop import database, suppliers
from shop.catalogue import Catalogue
from shop.settings import SETTINGS

RESTOCK_EVERY_S = 0.4
ROUTES = "healthy" if os.environ.get("SHOP_ROUTES") == "healthy" else "faulty"

logger = logging.getLogger("shop")


async def restocking() -> None:
    """Write the stock again and again, in a thread."""
    while True:
        await asyncio.to_thread(database.restock)
        logger.info("stock written")
        await asyncio.sleep(RESTOCK_EVERY_S)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Make the database, open the clients, start the background work; end it in reverse order."""
    await asyncio.to_thread(database.create)
    app.state.suppliers = await asyncio.to_thread(suppliers.Suppliers)  # a client reads the certificates from disk
    app.state.catalogue = Catalogue(suppliers.catalogue)
    app.state.catalogue.start()
    task = asyncio.create_task(restocking(), name="restocking")
    yield
    task.cancel()
    app.state.catalogue.stop()
    await app.state.suppliers.close()


logging.basicConfig(filename=SETTINGS.log, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
app = FastAPI(title="shop", lifespan=lifespan)


@app.get("/health")
async def health() -> dict[str, str]:
    """What a load balancer asks."""
    return {"status": "ok"}


app.include_router(importlib.import_module(f"shop.{ROUTES}").router)
if ROUTES == "healthy":
    gc.freeze()  # what is imported lives on: no full collection walks it again
