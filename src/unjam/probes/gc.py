"""Garbage collection: the engine's callback among those that the collector calls."""

from __future__ import annotations

import gc
from typing import Any


class GcProbe:
    """Has the engine told of each collection."""

    def __init__(self, engine: Any) -> None:
        # One object for install and uninstall: a method of the engine might be a new object each time.
        self._callback = engine.gc_callback

    def install(self) -> None:
        """Begin to be told."""
        gc.callbacks.append(self._callback)

    def uninstall(self) -> None:
        """Take back what is still there."""
        if self._callback in gc.callbacks:
            gc.callbacks.remove(self._callback)
