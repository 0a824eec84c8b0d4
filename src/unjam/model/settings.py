"""Settings: what a watched process is told, by arguments or by its environment."""

from __future__ import annotations

import os

from unjam.errors import UsageError
from unjam.model.durations import format_duration, parse_duration
from unjam.model.project import Project

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

DEFAULT_THRESHOLD_NS = 50_000_000
"""50 ms: what a person notices in a chain of a few requests, and far above the noise of a busy machine."""

DEFAULT_DUMP_AFTER_NS = 10_000_000_000
"""10 s: no healthy program is away so long, and gunicorn kills a worker after 30."""

SHORTEST_THRESHOLD_NS = 1_000_000
"""1 ms: the watchdog looks five times in a threshold, and looking more often than every 200 us would cost the program."""

TIERS = ("", "native", "python")


class Settings:
    """One frozen set of settings; raises UsageError where a value cannot be.

    `folder` is the recording's own folder, "" makes one below `.unjam`; `record` false writes nothing to disk. `src` lists
    the folders that count as the user's own code, empty for everything but the standard library and site-packages.
    `dump_after_ns` is the length of a stall from which on the process records by itself who waits for whom, 0 for never;
    `track_locks` records who holds which lock. `tier` forces an engine tier, "" takes the best. `live` prints a line on
    stderr as each stall passes the threshold, `log` logs each one at its end as logger `unjam`.
    """

    # A plain class: `dataclasses` imports `inspect`, which would cost every Python process below `unjam run` ten milliseconds.
    __slots__ = ("dump_after_ns", "folder", "live", "log", "record", "src", "threshold_ns", "tier", "track_locks")

    dump_after_ns: int
    folder: str
    live: bool
    log: bool
    record: bool
    src: tuple[str, ...]
    threshold_ns: int
    tier: str
    track_locks: bool

    def __init__(
        self,
        *,
        threshold_ns: int = DEFAULT_THRESHOLD_NS,
        folder: str | os.PathLike[str] = "",
        src: Sequence[str] = (),
        live: bool = False,
        log: bool = False,
        record: bool = True,
        tier: str = "",
        dump_after_ns: int = DEFAULT_DUMP_AFTER_NS,
        track_locks: bool = False,
    ) -> None:
        if threshold_ns < SHORTEST_THRESHOLD_NS:
            raise UsageError(
                f"threshold {format_duration(threshold_ns)} is below 1ms, the shortest that can be watched"
            )
        if tier not in TIERS:
            raise UsageError(f"tier {tier!r} is not one of native, python")
        if isinstance(src, str):
            raise UsageError(f"src must be folders such as ({src!r},), not the text {src!r}")
        values = {
            "dump_after_ns": dump_after_ns,
            "folder": os.fspath(folder),
            "live": live,
            "log": log,
            "record": record,
            "src": tuple(os.path.abspath(path) for path in src),
            "threshold_ns": threshold_ns,
            "tier": tier,
            "track_locks": track_locks,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"settings are frozen: {name} cannot be changed")

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and all(getattr(self, n) == getattr(other, n) for n in self.__slots__)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in self.__slots__))

    def replace(self, **changes: Any) -> Settings:
        """The same settings with some changed."""
        return Settings(**{name: getattr(self, name) for name in self.__slots__} | changes)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], project: Project | None = None) -> Settings:
        """Read UNJAM_DIR, UNJAM_THRESHOLD, UNJAM_SRC (separated as PATH is), UNJAM_TIER, UNJAM_DUMP_AFTER (0: never).

        UNJAM_LIVE, UNJAM_LOG and UNJAM_TRACK_LOCKS are 0 or 1. What the environment leaves out comes from the project.
        """
        told = _Told(environ, project or Project())
        return cls(
            threshold_ns=told.duration("threshold") or DEFAULT_THRESHOLD_NS,
            folder=environ.get("UNJAM_DIR", ""),
            src=told.folders("src"),
            live=told.flag("live"),
            log=told.flag("log"),
            tier=told.text("tier"),
            dump_after_ns=told.dump_after("dump-after"),
            track_locks=told.flag("track-locks"),
        )

    def to_environ(self) -> dict[str, str]:
        """The variables from which `from_environ` makes the same settings; those at their default are left out."""
        variables = {
            "UNJAM_DIR": os.path.abspath(self.folder) if self.folder else "",
            "UNJAM_THRESHOLD": format_duration(self.threshold_ns),
            "UNJAM_SRC": os.pathsep.join(self.src),
            "UNJAM_LIVE": "1" if self.live else "",
            "UNJAM_LOG": "1" if self.log else "",
            "UNJAM_TIER": self.tier,
            "UNJAM_DUMP_AFTER": _dump_after(self.dump_after_ns),
            "UNJAM_TRACK_LOCKS": "1" if self.track_locks else "",
        }
        return {name: value for name, value in variables.items() if value}


class _Told:
    """What is said of each setting: by its variable, else in the project's table."""

    def __init__(self, environ: Mapping[str, str], project: Project) -> None:
        self._environ, self._project = environ, project

    def text(self, key: str) -> str:
        """The value as text, "" where nothing is said. Raises UsageError for a value of another kind in the table."""
        if value := self._environ.get(variable_of(key), ""):
            return value
        value = self._project.table.get(key, "")
        if not isinstance(value, str):
            raise self._project.wrong(
                key, 'a string such as "50ms"' if key in {"threshold", "dump-after"} else "a string"
            )
        return value

    def duration(self, key: str) -> int:
        """Nanoseconds, 0 where nothing is said."""
        text = self.text(key)
        return parse_duration(text, what=self.where(key)) if text else 0

    def dump_after(self, key: str) -> int:
        """As `parse_dump_after`."""
        return parse_dump_after(self.text(key), what=self.where(key))

    def flag(self, key: str) -> bool:
        """Whether it is on; a variable counts as soon as it is set."""
        value = self._environ.get(variable_of(key))
        if value is not None:
            return value not in {"", "0"}
        value = self._project.table.get(key, False)
        if not isinstance(value, bool):
            raise self._project.wrong(key, "true or false")
        return value

    def folders(self, key: str) -> tuple[str, ...]:
        """Folders; those of the table are below the project, and where one is not there (an installed program) it is left out."""
        if value := self._environ.get(variable_of(key), ""):
            return tuple(filter(None, value.split(os.pathsep)))
        listed = self._project.table.get(key, [])
        if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
            raise self._project.wrong(key, "a list of strings")
        return tuple(filter(os.path.isdir, (os.path.join(self._project.root, each) for each in listed)))

    def where(self, key: str) -> str:
        """How a refusal names what is wrong."""
        name = variable_of(key)
        return name if self._environ.get(name) else f"{self._project.file}: {key}"


def variable_of(key: str) -> str:
    """The variable of the environment that goes before a key of the table."""
    return f"UNJAM_{key.replace('-', '_').upper()}"


def parse_dump_after(text: str, *, what: str) -> int:
    """Return the nanoseconds of `30s`, 0 for `0`, which means never, and the default for nothing."""
    if text.strip() == "0":
        return 0
    return parse_duration(text, what=what) if text else DEFAULT_DUMP_AFTER_NS


def _dump_after(nanoseconds: int) -> str:
    if nanoseconds == DEFAULT_DUMP_AFTER_NS:
        return ""
    return format_duration(nanoseconds) if nanoseconds else "0"
