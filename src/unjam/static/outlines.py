"""The outlines of a project's files, kept between checks: of a changed project only the changed files are parsed again."""

from __future__ import annotations

from typing import TypeAlias

from unjam.static import cache
from unjam.static.outline import outline
from unjam.static.project import Project, failed, text_of
from unjam.static.source import Outline

_Kept: TypeAlias = dict[str, tuple[bytes, Outline]]
"""By path, the hash of the text and its outline."""

_MOST_RECENT = 0.1
"""Part of the outlines that is kept apart from the others where it is new, so that few changed files cost no writing of all."""


def read(project: Project, *, fresh: bool) -> tuple[dict[str, Outline], dict[str, str]]:
    """The outlines by path, and why a file has none, or one of its `def` lines only. `fresh`: parse all of them."""
    kept = _Shelf(project, fresh=fresh)
    now: _Kept = {}
    skipped: dict[str, str] = {}
    for path in project.files:
        content = cache.content(path)
        try:
            now[path] = kept.found(path, content) or (content, outline(path, text_of(path)))
        except (OSError, SyntaxError, UnicodeDecodeError) as error:
            skipped[path] = f"cannot be read: {error}"
            continue
        except Exception as error:  # noqa: BLE001  a fault of ours in one file must not cost the others
            skipped[path] = failed(error)
            continue
        if now[path][1].problem:
            skipped[path] = now[path][1].problem
    kept.save(now)
    return {path: found for path, (_, found) in now.items()}, skipped


class _Shelf:
    """The outlines of one project as they are kept: most in one file, those of files that have changed since in another.

    Each is found by the hash of its text, so that neither file can be out of date.
    """

    def __init__(self, project: Project, *, fresh: bool) -> None:
        self._key = cache.digest(*cache.own_version(), project.root)
        self._most: _Kept = {} if fresh else cache.load("outlines", self._key) or {}
        self._recent: _Kept = {} if fresh else cache.load("recent-outlines", self._key) or {}

    def found(self, path: str, content: bytes) -> tuple[bytes, Outline] | None:
        """What is kept of a file with that hash."""
        for kept in (self._most, self._recent):
            known = kept.get(path)
            if known is not None and known[0] == content:
                return known
        return None

    def save(self, now: _Kept) -> None:
        """Keep the outlines of all files, where any are new."""
        other = {path: each for path, each in now.items() if self._most.get(path) is not each}
        gone = len(self._most.keys() - now.keys())
        if len(other) + gone > _MOST_RECENT * len(self._most):
            cache.save("outlines", self._key, now)
        elif any(self._recent.get(path) is not each for path, each in other.items()):
            cache.save("recent-outlines", self._key, other)
