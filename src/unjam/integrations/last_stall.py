"""What a process held its loop with when it ended, read from its recording: the process itself may be dead by then."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path

from unjam.diagnosis.diagnose import diagnose_stall
from unjam.diagnosis.source import Sources
from unjam.model.findings import Finding
from unjam.model.session import Event, Process
from unjam.recording.reader import LONGEST_LINE, parse_process
from unjam.telling import shortest, source_lines

MOST_BYTES = 256_000_000
"""A larger recording, of days, is not read: gunicorn's arbiter would be away for seconds. `unjam report` reads it."""

MOST_RECENT = 500
"""Lines at the end of a file in which its last stall is looked for; one is written anew at 1, 2, 4 ... seconds."""

REFERRED_TO = tuple(f'{{"e":"{kind}"'.encode() for kind in ("process", "stack", "threads", "loop"))
"""What later events refer to is kept from the whole file."""


@dataclass(frozen=True, slots=True)
class LastStall:
    """A stall that had not ended: how long it was at least, in seconds, whether the process came to tell of it, and its findings."""

    seconds: float
    orderly: bool
    findings: tuple[Finding, ...]

    @property
    def place(self) -> str:
        """Where, in what, and why, by the worst finding that names a line."""
        named = next((each for each in self.findings if each.culprit), self.findings[0] if self.findings else None)
        if named is None:
            return "at no line that could be seen"
        culprit, leaf = named.culprit, f" -> {named.leaf}" if named.leaf else ""
        place = f"at {shortest(culprit.file)}:{culprit.line} {culprit.function}" if culprit else "at no line of yours"
        return f"{place}{leaf} [{named.rule or 'UJ'} {named.cause}]"


def last_stall(folder: str, pid: int) -> LastStall | None:
    """The stall in which a process ended; None where it ended in none, or left no recording that can be read."""
    images = [
        path for path in Path(folder).iterdir() if path.suffix == ".jsonl" and path.name.split(".")[0] == str(pid)
    ]
    files = sorted(images, key=lambda path: path.stat().st_mtime)
    if not files or files[-1].stat().st_size > MOST_BYTES:
        return None
    process = _read(files[-1])
    stall = _open_stall(process.events)
    if stall is None:
        return None
    referred = [event for event in process.events if event["e"] in {"threads", "loop"}]
    steps = [event for event in process.events if event["e"] == "step" and event.get("stall") == stall["id"]]
    events, sources = [*referred, stall, *steps], Sources(source_lines)
    found = diagnose_stall(process.header, process.stacks, events, sources=sources, pid=pid)
    orderly = any(event["e"] == "end" for event in process.events)
    return LastStall((stall["t"] - stall["t0"]) / 1e9, orderly, tuple(found.counting))


def _read(path: Path) -> Process:
    referred: list[bytes] = []
    recent: deque[bytes] = deque(maxlen=MOST_RECENT)
    with path.open("rb") as file:
        for line in iter(lambda: file.readline(LONGEST_LINE), b""):
            (referred if line.startswith(REFERRED_TO) else recent).append(line)
    return parse_process([*referred, *recent], name=path.name)


def _open_stall(events: tuple[Event, ...]) -> Event | None:
    """The last line of the last stall, where it says that the stall goes on."""
    stalls = [event for event in events if event["e"] == "stall"]
    return stalls[-1] if stalls and stalls[-1]["t1"] is None else None
