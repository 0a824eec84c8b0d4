"""A module deep in the user's own code: what it does shows only from inside."""

import functools
import time
from collections.abc import Callable
from typing import Any


class Basket:
    """A basket whose total is asked from afar."""

    @property
    def total(self) -> int:
        """A property that blocks."""
        return _ask_the_bank()


def paused(function: Callable[..., Any]) -> Callable[..., Any]:
    """Sleep before the function runs."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        time.sleep(0.15)  # expect-in shape_decorator: UJ101 leaf=time.sleep
        return function(*args, **kwargs)

    return call


def _ask_the_bank() -> int:
    time.sleep(0.15)  # expect-in shape_property: UJ101 leaf=time.sleep
    return 7
