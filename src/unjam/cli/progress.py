"""What a command is doing, told to a person who has waited for two seconds; a quick command says nothing."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Final, Self, TextIO

AFTER_S: Final = 2.0
"""Seconds of silence: below, a line on the screen would be gone before it is read."""
_EVERY_S: Final = 0.5
"""How often the seconds are counted on a terminal."""
_CLEARED = "\r\x1b[K"


class Progress:
    """Tells the present stage: on a terminal in one line that counts the seconds, elsewhere in a line for each stage."""

    def __init__(self, stream: TextIO, *, after_s: float = AFTER_S) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._after_s = after_s
        self._stage = ""
        self._told = ""
        self._started = time.monotonic()
        self._changed = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._tell, name="unjam-progress", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._ended = True
        self._changed.set()
        self._thread.join()
        if self._live and self._told:
            self._write(_CLEARED)

    def say(self, stage: str) -> None:
        """Begin a stage; `stage` reads on after "unjam: "."""
        self._stage = stage
        self._changed.set()

    def _tell(self) -> None:
        """Runs in a thread of its own: the command itself computes, and cannot look at the clock."""
        while not self._ended and (left := self._started + self._after_s - time.monotonic()) > 0:
            self._changed.wait(left)
            self._changed.clear()
        while not self._ended:
            self._show()
            self._changed.wait(_EVERY_S if self._live else None)
            self._changed.clear()

    def _show(self) -> None:
        stage = self._stage
        if self._live and stage:
            self._write(f"{_CLEARED}unjam: {stage} ... {time.monotonic() - self._started:.0f} s")
        elif stage != self._told:
            self._write(f"unjam: {stage} ...\n")
        self._told = stage

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._ended = True  # nobody reads it any more, which is no reason to stop the command
