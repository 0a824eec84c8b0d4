"""What a watched process answers: who it is, how its loops do, and who waits for whom."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Any

from unjam import __version__
from unjam.control.address import start_ticks
from unjam.model.waits import to_json

if TYPE_CHECKING:
    from unjam.control.server import Answer
    from unjam.probes.waits import Collector


def hello() -> dict[str, Any]:
    """Return who this process is."""
    pid = os.getpid()
    return {"pid": pid, "start": start_ticks(pid), "python": platform.python_version(), "unjam": __version__}


def hang_answers(collector: Collector) -> dict[str, Answer]:
    """Return the answers that need nothing but the interpreter."""
    return {"hello": hello, "hang": lambda: to_json(collector.collect_twice())}
