"""Try again when the other side asks for it."""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

PAUSE_S = 0.12
TRIES = 4


def retried(error: type[Exception]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Try a function again, with a pause that blocks the thread."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            for _ in range(TRIES - 1):
                try:
                    return function(*args, **kwargs)
                except error:
                    time.sleep(PAUSE_S)
            return function(*args, **kwargs)

        return call

    return decorate


def retried_async(error: type[Exception]) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """Try a coroutine function again, with a pause in which the loop runs on."""

    def decorate(function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        @functools.wraps(function)
        async def call(*args: P.args, **kwargs: P.kwargs) -> R:
            for _ in range(TRIES - 1):
                try:
                    return await function(*args, **kwargs)
                except error:
                    await asyncio.sleep(PAUSE_S)
            return await function(*args, **kwargs)

        return call

    return decorate
