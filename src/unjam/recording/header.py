"""The first line of a process: what it is, and what counts as whose code in it."""

from __future__ import annotations

import os
import sys
import time

from unjam import __version__
from unjam.model.lines import FORMAT_VERSION, printable
from unjam.model.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def header(settings: Settings) -> dict[str, object]:
    """The `process` event of this process as it is known before any loop has run."""
    return {
        "e": "process",
        "t": time.monotonic_ns(),
        "v": FORMAT_VERSION,
        "wall": time.time(),
        "pid": os.getpid(),
        "ppid": os.getppid(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "unjam": __version__,
        "tier": "",
        "tier_reason": "",
        "threshold_ns": settings.threshold_ns,
        "program": program_name(),
        "src": list(settings.src),
        "stdlib": stdlib_folders(),
        "site": site_folders(),
        "switch_interval_ns": round(sys.getswitchinterval() * 1e9),
        "cpus": _cpus(),
        "not_observed": [],
    }


def program_name() -> str:
    """The base name of the script or module that this process runs."""
    # sys.argv is not made yet while `site` runs, and -m has not found its module: the original words have both.
    words = sys.orig_argv
    for position, word in enumerate(words[1:], 1):
        ends = word[-1] if word[:1] == "-" and word[1:2] not in {"-", "X", "W"} else ""
        if ends in {"m", "c"}:
            following = " ".join(words[position + 1 : position + 2])
            return printable(following) if ends == "m" else _given_to_c(following)
        if not word.startswith("-") and words[position - 1] not in {"-X", "-W", "--check-hash-based-pycs"}:
            return printable(os.path.basename(word))
    return printable(os.path.basename(sys.executable or "python"))


def _given_to_c(code: str) -> str:
    """What the code given to -c is called: the workers of multiprocessing are started so too, and run what is no part of it."""
    return printable(code.split()[1]) if code.startswith("from multiprocessing.") else "-c"


def stdlib_folders() -> list[str]:
    """Where the standard library lives, with what was built as C."""
    return _distinct([os.path.dirname(os.__file__), *(path for path in sys.path if path.endswith("lib-dynload"))])


def site_folders() -> list[str]:
    """Where installed packages live."""
    site = sys.modules.get("site")
    found = [*site.getsitepackages(), site.getusersitepackages()] if site is not None else []
    found += [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    return _distinct(path for path in found if path)


def _distinct(paths: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(paths))


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
