"""What a type checker knows about calls through the bridge."""

import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = """
from collections.abc import Iterator
from contextlib import contextmanager

from unjam.bridge import Channel, Pool, loop_thread, wait

pool = Pool("p")


def area(width: int, *, height: float) -> float:
    return width * height


@pool.wrap
def wrapped(width: int, *, height: float) -> float:
    return width * height


async def twice(n: int) -> str:
    return str(2 * n)


@contextmanager
def manager() -> Iterator[bytes]:
    yield b""


async def right(channel: Channel[int]) -> None:
    a: float = await pool.run(area, 2, height=1.5)
    b: float = await pool.options(timeout=1, on_cancel="wait").run(area, 2, height=a)
    c: float = await wrapped(2, height=b)
    d: str = wait(twice, int(c))
    async for n in pool.aiter(range(3)):
        await channel.aput(n)
    async with pool.acontext(manager()) as e:
        e.hex()
    f: int = await pool.pinned(dict[str, int], one=1).run(len)
    with loop_thread() as portal:
        g: str = portal.submit(twice, f).result()
    print(d, g)


async def wrong(channel: Channel[int]) -> None:
    await pool.run(area, "2", height=1.5)  # type: ignore[arg-type]
    await pool.run(area, 2)  # type: ignore[call-arg]
    await wrapped(2, depth=1.5)  # type: ignore[call-arg]
    a: int = wait(twice, 2)  # type: ignore[assignment]
    channel.put("one")  # type: ignore[arg-type]
    pool.options(timeuot=1)  # type: ignore[call-arg]
    pool.options(on_cancel="explode")  # type: ignore[arg-type]
    print(a)
"""


def test_signatures_survive(tmp_path):
    """run, wrap, wait, submit and options are checked as the functions they are given: mypy sees right and wrong."""
    pytest.importorskip("mypy", reason="mypy comes with the lint extra")
    path = Path(tmp_path, "typed.py")
    path.write_text(SOURCE)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(path)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.stdout.startswith("Success"), checked.stdout
