import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from unjam.bridge import calls, deadlines
from unjam.bridge.ports import current_port

# No law takes long; past this a test hangs.
LIMIT = 60.0


def _asyncio_loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def _uvloop_loop() -> asyncio.AbstractEventLoop:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not made for this platform")
    return uvloop.new_event_loop()


@pytest.fixture(params=[_asyncio_loop, _uvloop_loop], ids=["asyncio", "uvloop"])
def run(request) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine on a loop of its own, as asyncio.run does, and fail when it hangs."""

    def runs(coroutine: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(asyncio.wait_for(coroutine, LIMIT))

    return runs


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Let the loop turn until a condition holds."""

    async def wait_until(condition: Callable[[], object]) -> None:
        ends = time.monotonic() + LIMIT
        while not condition():
            assert time.monotonic() < ends, "the condition never came true"
            await asyncio.sleep(0.001)

    return wait_until


@pytest.fixture
def clock(monkeypatch) -> list[int]:
    """Return the nanoseconds by which runs are timed: they stand still until a test moves them."""
    now = [1]
    for module in (calls, deadlines):
        monkeypatch.setattr(module, "monotonic_ns", lambda: now[0])
    return now


@pytest.fixture
def hurry(monkeypatch) -> Callable[[], list[float]]:
    """Let every time limit that begins on this loop from now on be over in a moment; return those that are, by their seconds."""

    def hurries() -> list[float]:
        port, over = current_port(), []
        stock = port.call_later

        def call_later(seconds: float, callback: Callable[[], object]) -> object:
            return stock(0.001, lambda: (over.append(seconds), callback()))

        monkeypatch.setattr(port, "call_later", call_later)
        return over

    return hurries
