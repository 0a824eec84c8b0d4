"""How a process has those that it starts watched: by their environment."""

from __future__ import annotations

import os
from pathlib import Path

from unjam.model.settings import DEFAULT_DUMP_AFTER_NS, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

BOOTSTRAP = str(Path(__file__).absolute().parent / "_bootstrap")
"""The folder whose `sitecustomize` installs the monitor in every Python process that has it on PYTHONPATH."""


KEPT = frozenset({"UNJAM_CONTROL"})
"""Of the variables of unjam those that are no settings of a recording and reach the child as they are."""


def child_environment(
    environ: Mapping[str, str],
    *,
    folder: str | os.PathLike[str],
    threshold_ns: int,
    src: tuple[str, ...] = (),
    live: bool = False,
    tier: str = "",
    dump_after_ns: int = DEFAULT_DUMP_AFTER_NS,
    track_locks: bool = False,
) -> dict[str, str]:
    """The environment in which every Python process, and every one below it, watches itself into `folder`."""
    settings = Settings(
        threshold_ns=threshold_ns,
        folder=folder,
        src=src,
        live=live,
        tier=tier,
        dump_after_ns=dump_after_ns,
        track_locks=track_locks,
    )
    inherited = {name: value for name, value in environ.items() if not name.startswith("UNJAM_") or name in KEPT}
    path = [BOOTSTRAP, *(part for part in inherited.get("PYTHONPATH", "").split(os.pathsep) if part != BOOTSTRAP)]
    return {
        **inherited,
        **settings.to_environ(),
        "UNJAM": "1",
        "PYTHONPATH": os.pathsep.join(path[:1] if path[1:] == [""] else path),
    }
