"""The options of `settings.UNJAM`, checked."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from unjam.errors import UsageError
from unjam.integrations.server_timing import Detail, detail_of
from unjam.model.durations import parse_duration

NAMES = ("install", "server_timing", "threshold")


@dataclass(frozen=True, slots=True)
class Options:
    """`install`: watch each process from its first asynchronous request on; `threshold` as `unjam.install` takes it."""

    install: bool = True
    server_timing: Detail = "full"
    threshold: str | None = None


def options_of(settings: Any) -> Options:
    """Read them from Django's settings; raises UsageError for a name or value that cannot be."""
    given = getattr(settings, "UNJAM", {})
    if not isinstance(given, dict):
        raise UsageError(f"UNJAM is a {type(given).__name__}, not a dict")
    for name in given:
        if name not in NAMES:
            near = difflib.get_close_matches(str(name), NAMES, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(NAMES)}"
            raise UsageError(f"UNJAM has no option {name!r}: {hint}")
    options = Options(**given)
    detail_of(options.server_timing)
    if not isinstance(options.install, bool):
        raise UsageError(f"UNJAM['install'] is {options.install!r}, not True or False")
    if options.threshold is not None:
        parse_duration(str(options.threshold), what="UNJAM['threshold']")
    return options
