"""Recordings read back, whatever happened to them: torn lines, garbage, unknown kinds and wrong types are skipped and counted."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from unjam.errors import RecordingError
from unjam.model.lines import FORMAT_VERSION
from unjam.model.session import Event, Process, Recording
from unjam.model.shared_frames import WholeStacks
from unjam.model.stacks import Frame, FrameKind, Stack
from unjam.recording.folder import META, read_meta

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_LINE = 16_000_000
"""Bytes of a line beyond which it is garbage: the longest real one, a wait-for graph, stays far below."""

KINDS: dict[str, FrameKind] = {
    "f": "function",
    "c": "coroutine",
    "g": "generator",
    "a": "async-generator",
    "m": "module",
    "k": "class",
}


def read(folder: str | os.PathLike[str]) -> Recording:
    """Read a recording's folder; raises RecordingError where it is none, or written by a newer unjam."""
    name = os.path.abspath(folder)
    files = _process_files(name)
    problems: list[str] = []
    processes = []
    for path in files:
        process = _read_file(path, problems)
        if process is not None:
            processes.append(process)
    meta = read_meta(name)
    if not meta and os.path.exists(os.path.join(name, META)):
        problems.append(f"{META} could not be read")
    return Recording(name, meta, tuple(_with_end(processes, meta)), tuple(problems))


def _with_end(processes: list[Process], meta: Event) -> Iterator[Process]:
    """The processes; the killed one that was the command itself with the time of its end, which `unjam run` has seen.

    Of several images of one pid the last is meant, as those before it were replaced.
    """
    ended = meta.get("ended_ns")
    last = max((each for each in processes if each.pid == meta.get("pid")), key=_started, default=None)
    for each in processes:
        is_it = each is last and each.killed and type(ended) is int
        yield replace(each, ended_ns=ended) if is_it else each


def _started(process: Process) -> int:
    return _integer(process.header.get("t"))


def _process_files(folder: str) -> list[str]:
    try:
        names = sorted(os.listdir(folder))
    except NotADirectoryError:
        raise RecordingError(f"{folder} is a file: a recording is a folder, such as .unjam/<time>-<program>") from None
    except OSError as error:
        raise RecordingError(f"recording {folder} cannot be read: {error.strerror}") from None
    files = [os.path.join(folder, name) for name in names if name.endswith(".jsonl")]
    if not files and META not in names:
        raise RecordingError(f"{folder} is not a recording: it holds no {META} and no file of a process")
    return files


def _read_file(path: str, problems: list[str]) -> Process | None:
    name = os.path.basename(path)
    try:
        with open(path, "rb") as file:
            process = parse_process(iter(lambda: file.readline(LONGEST_LINE), b""), name=name)
    except OSError as error:
        problems.append(f"{name} could not be read: {error.strerror}")
        return None
    if not process.header:
        problems.append(f"{name} has no header: nothing is known of that process")
    if process.torn:
        problems.append(f"{name}: {process.torn} line{'s' * (process.torn > 1)} could not be read")
    return process


def parse_process(lines: Iterable[bytes], *, name: str = "") -> Process:
    """Make a process of its lines; `name` is its file, which gives the pid where no header does.

    Raises RecordingError where a header says a newer format.
    """
    header: Event = {}
    events: list[Event] = []
    stacks: dict[int, Stack] = {}
    partial: set[int] = set()
    whole = WholeStacks()
    torn = dropped = 0
    for event in _events(lines):
        kind = event.get("e") if event else None
        if event is None:
            torn += 1
        elif kind == "process":
            _check_version(event, name)
            header |= event
        elif kind == "stack":
            _add_stack(stacks, partial, whole.restore(event))
        else:
            dropped += _integer(event.get("events")) if kind == "lost" else 0
            events.append(event)
    pid = _integer(header.get("pid")) or _integer_text(name.partition(".")[0])
    ended = any(event.get("e") == "end" for event in events[-50:])
    return Process(
        pid,
        header,
        tuple(events),
        stacks,
        killed=not ended,
        torn=torn,
        dropped=dropped,
        partial=frozenset(partial),
    )


def _event(line: bytes) -> Event | None:
    """The event of one line; None where it is torn or garbage."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("e"), str) else None


def parse_events(lines: Iterable[bytes]) -> list[Event]:
    """The events of lines, less those that are torn or garbage, with every stack whole."""
    whole = WholeStacks()
    events = (event for event in _events(lines) if event is not None)
    each = (whole.restore(event) if event["e"] == "stack" else event for event in events)
    return [event for event in each if event is not None]


class Stacks(Mapping[int, Stack]):
    """Stacks by id, each read when somebody asks for it: of a service's hundreds a conclusion asks for those of one stall.

    `kept` has them as they were recorded, and is where those that were read are put.
    """

    def __init__(self, kept: dict[int, Event | Stack]) -> None:
        self._kept = kept

    def __getitem__(self, number: int) -> Stack:
        """Raises KeyError where there is none."""
        found = self._kept[number]
        if isinstance(found, dict):
            found = self._kept[number] = parse_stack(found)
        return found

    def __iter__(self) -> Iterator[int]:
        return iter(list(self._kept))

    def __len__(self) -> int:
        return len(self._kept)


def parse_stack(event: Event) -> Stack:
    """The frames of a `stack` event; those that are not frames are left out."""
    frames = event.get("f")
    return tuple(filter(None, map(_frame, frames))) if isinstance(frames, list) else ()


def _events(lines: Iterable[bytes]) -> Iterator[Event | None]:
    for line in lines:
        if line.strip():
            yield _event(line)


def _check_version(event: Event, name: str) -> None:
    version = event.get("v")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise RecordingError(
            f"{name or 'the recording'} was written in format {version} by a newer unjam "
            f"({event.get('unjam', 'version unknown')}); this one reads up to format {FORMAT_VERSION}: pip install -U unjam"
        )


def _add_stack(stacks: dict[int, Stack], partial: set[int], event: Event | None) -> None:
    number = None if event is None else event.get("id")
    if event is not None and type(number) is int:
        stacks[number] = parse_stack(event)
        if event.get("whole") is False:
            partial.add(number)


def _frame(values: Any) -> Frame | None:
    if not isinstance(values, list) or len(values) < 3 or not isinstance(values[0], str):  # noqa: PLR2004 -- file, line, name
        return None
    column, end_line, end_column = (_integer(value, -1) for value in (values[3:6] + [None] * 3)[:3])
    kind = values[6] if len(values) > 6 and isinstance(values[6], str) else "f"  # noqa: PLR2004 -- the seventh field
    return Frame(
        values[0],
        _integer(values[1]),
        str(values[2]),
        column,
        max(end_line, 0),
        end_column,
        KINDS.get(kind, "function"),
    )


def _integer(value: Any, default: int = 0) -> int:
    return value if type(value) is int else default


def _integer_text(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
