"""The outlines of a project's files, kept between checks: of a changed project only the changed files are parsed again."""

from __future__ import annotations

from typing import TypeAlias

from unjam.static import cache
from unjam.static.outline import outline
from unjam.static.project import Project, failed, text_of
from unjam.static.source import Outline

_Kept: TypeAlias = dict[str, tuple[bytes, Outline]]
"""By path, the hash of the text and its outline."""


def read(project: Project, *, fresh: bool) -> tuple[dict[str, Outline], dict[str, str]]:
    """The outlines by path, and why a file has none, or one of its `def` lines only. `fresh`: parse all of them."""
    key = cache.digest(*cache.own_version(), project.root)
    kept: _Kept = {} if fresh else cache.load("outlines", key) or {}
    now: _Kept = {}
    skipped: dict[str, str] = {}
    for path in project.files:
        content = cache.content(path)
        known = kept.get(path)
        try:
            now[path] = known if known and known[0] == content else (content, outline(path, text_of(path)))
        except (OSError, SyntaxError, UnicodeDecodeError) as error:
            skipped[path] = f"cannot be read: {error}"
            continue
        except Exception as error:  # noqa: BLE001  a fault of ours in one file must not cost the others
            skipped[path] = failed(error)
            continue
        if now[path][1].problem:
            skipped[path] = now[path][1].problem
    if any(now.get(path) is not known for path, known in kept.items()) or len(now) != len(kept):
        cache.save("outlines", key, now)
    return {path: found for path, (_, found) in now.items()}, skipped
