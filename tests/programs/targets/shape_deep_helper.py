"""A sleep, several helpers below the coroutine."""

import time

from _truth import measured, quiet, run


def outer() -> None:
    with measured():
        middle()


def middle() -> None:
    inner()


def inner() -> None:
    time.sleep(0.15)  # expect: UJ101 leaf=time.sleep


async def handler() -> None:
    outer()


async def main() -> None:
    await quiet()
    await handler()
    await quiet()


run(main())
