"""Customers for the shop: each asks for everything in turn, while a load balancer asks after its health.

    python load.py [--url http://127.0.0.1:8000] [--seconds 8] [--customers 3]

Prints the answer times of each endpoint: what the health check had to wait is what the others did to it.
"""

import argparse
import asyncio
import contextlib
import time
from collections import defaultdict

import httpx

REQUESTS = (
    ("GET", "/items/item-7/price"),
    ("GET", "/items/item-7/stock"),
    ("GET", "/catalogue"),
    ("POST", "/orders?item=item-7&count=2"),
    ("GET", "/orders/report"),
    ("GET", "/orders/export"),
    ("GET", "/orders/41/invoice"),
    ("POST", "/customers?name=ada&password=lovelace"),
)
HEALTH = ("GET", "/health")
READY_S = 20.0
PAUSE_S = 0.05


class Load:
    """The requests sent, and how long each was waited for."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._seconds: dict[str, list[float]] = defaultdict(list)
        self.failed = 0

    async def ready(self) -> None:
        """Wait until the shop answers."""
        async with asyncio.timeout(READY_S):
            while True:
                try:
                    await self._client.get("/health")
                except httpx.TransportError:
                    await asyncio.sleep(PAUSE_S)
                else:
                    return

    async def customer(self, number: int) -> None:
        """Ask for everything, beginning somewhere else than the others."""
        while True:
            for turn in range(len(REQUESTS)):
                await self._ask(*REQUESTS[(turn + 3 * number) % len(REQUESTS)])
                await asyncio.sleep(PAUSE_S)

    async def balancer(self) -> None:
        """Ask after the shop's health."""
        while True:
            await self._ask(*HEALTH)
            await asyncio.sleep(PAUSE_S)

    def table(self) -> str:
        """One line for each endpoint, with its median and its longest time."""
        lines = [f"{'requests':>8} {'median':>9} {'longest':>9}"]
        for name, seconds in sorted(self._seconds.items()):
            times = sorted(seconds)
            lines.append(f"{len(times):8} {times[len(times) // 2] * 1e3:6.0f} ms {times[-1] * 1e3:6.0f} ms  {name}")
        return "\n".join(lines)

    async def _ask(self, method: str, path: str) -> None:
        start = time.perf_counter()
        try:
            (await self._client.request(method, path)).raise_for_status()
        except httpx.HTTPError:
            self.failed += 1
        self._seconds[f"{method} {path.partition('?')[0]}"].append(time.perf_counter() - start)


async def main(url: str, seconds: float, customers: int) -> int:
    """Send the load for some seconds; 1 if a request failed."""
    async with httpx.AsyncClient(base_url=url, timeout=30.0) as client:
        load = Load(client)
        await load.ready()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                group.create_task(load.balancer())
                for number in range(customers):
                    group.create_task(load.customer(number))
    print(load.table())
    if load.failed:
        print(f"{load.failed} requests failed")
    return int(load.failed > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--customers", type=int, default=3)
    raise SystemExit(asyncio.run(main(**vars(parser.parse_args()))))
