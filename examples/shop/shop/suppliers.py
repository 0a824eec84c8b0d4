"""The price service, asked over HTTP."""

from typing import Any

import httpx
import requests

from shop.retry import retried, retried_async
from shop.settings import SETTINGS

TIMEOUT_S = 5.0


class Busy(Exception):
    """The supplier asks to come again."""


def price_of(item: str) -> float:
    """The price now. Blocks."""
    return float(_get(f"/prices/{item}")["price"])


@retried(Busy)
def stock_of(item: str) -> int:
    """How many are left. Blocks, and the supplier is often busy."""
    return int(_get(f"/stock/{item}")["left"])


def catalogue() -> list[str]:
    """Everything that is on sale. Blocks."""
    return list(_get("/catalogue")["items"])


def _get(path: str) -> dict[str, Any]:
    return _answer(requests.get(SETTINGS.prices + path, timeout=TIMEOUT_S))


def _answer(response: requests.Response | httpx.Response) -> dict[str, Any]:
    if response.status_code == 503:
        raise Busy(str(response.url))
    response.raise_for_status()
    return dict(response.json())


class Suppliers:
    """The same questions for code on the event loop, over one kept connection pool."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(base_url=SETTINGS.prices, timeout=TIMEOUT_S)

    async def price_of(self, item: str) -> float:
        """The price now."""
        return float((await self._get(f"/prices/{item}"))["price"])

    @retried_async(Busy)
    async def stock_of(self, item: str) -> int:
        """How many are left; the supplier is often busy."""
        return int((await self._get(f"/stock/{item}"))["left"])

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _get(self, path: str) -> dict[str, Any]:
        return _answer(await self._client.get(path))
