"""Recordings made up for tests: a process with one loop, its stacks and its stalls, told in milliseconds."""

from __future__ import annotations

from unjam.diagnosis.diagnose import diagnose
from unjam.diagnosis.events import CHANGES
from unjam.model.session import Process, Recording, Session
from unjam.model.stacks import Frame

MS = 1_000_000
STDLIB = "/usr/lib/python3.11"
SITE = "/srv/venv/lib/python3.11/site-packages"
LOOP_TID = 100
RUNNER = (
    Frame("/srv/venv/bin/uvicorn", 8, "<module>", kind="module"),
    Frame(f"{SITE}/uvicorn/server.py", 65, "Server.run"),
    Frame(f"{STDLIB}/asyncio/runners.py", 118, "Runner.run"),
    Frame(f"{STDLIB}/asyncio/base_events.py", 641, "BaseEventLoop.run_until_complete"),
    Frame(f"{STDLIB}/asyncio/base_events.py", 607, "BaseEventLoop.run_forever"),
    Frame(f"{STDLIB}/asyncio/base_events.py", 1922, "BaseEventLoop._run_once"),
    Frame(f"{STDLIB}/asyncio/events.py", 80, "Handle._run"),
)
"""From the program's start to the loop's step, as asyncio shows it."""


def stdlib(module: str, function: str, line: int = 10, kind="function") -> Frame:
    return Frame(f"{STDLIB}/{module.replace('.', '/')}.py", line, function, kind=kind)


def library(module: str, function: str, line: int = 10, kind="function") -> Frame:
    return Frame(f"{SITE}/{module.replace('.', '/')}.py", line, function, kind=kind)


class Story:
    """One process with one loop (number 1 in MainThread)."""

    def __init__(
        self, *, tier: str = "native", steps: bool = True, threshold_ms: int = 50, loop: str = "asyncio"
    ) -> None:
        self.header = {
            "e": "process", "t": 1, "v": 1, "wall": 1.7e9, "pid": 7, "python": "3.11.7", "tier": tier, "threshold_ns": threshold_ms * MS,
            "program": "app", "src": [], "stdlib": [STDLIB], "site": [SITE], "switch_interval_ns": 5 * MS, "not_observed": [],
        }  # fmt: skip
        self.events: list[dict] = [
            {"e": "loop", "t": 2, "loop": 1, "thread": "MainThread", "tid": LOOP_TID, "type": loop, "steps": steps}
        ]
        self.stacks: dict[int, tuple[Frame, ...]] = {}
        self.partial: set[int] = set()
        self.files: dict[str, tuple[str, ...]] = {}
        self.now = 1000
        self.stalls = 0

    def file(self, name: str, text: str) -> str:
        """Give a file of the user's its text; returns its path."""
        path = f"/srv/app/{name}"
        self.files[path] = tuple(text.strip("\n").split("\n"))
        return path

    def frame(self, path: str, snippet: str, function: str, kind="coroutine") -> Frame:
        """The frame that executes `snippet`, found in the file."""
        for number, line in enumerate(self.files[path], 1):
            if snippet in line:
                column = line.encode().index(snippet.encode())
                return Frame(path, number, function, column, number, column + len(snippet.encode()), kind)
        raise AssertionError(snippet)

    def stack(self, *frames: Frame, runner=RUNNER, whole: bool = True) -> int:
        """A stack above the loop (or above `runner`); returns its id."""
        number = len(self.stacks) + 1
        self.stacks[number] = (*runner, *frames)
        if not whole:
            self.partial.add(number)
        return number

    def stall(self, length: int, *samples: dict, loop: int = 1, **fields) -> int:
        """A stall of so many milliseconds; times in `fields` ending in _ms are turned into _ns. Returns its number."""
        self.stalls += 1
        start = self.now
        self.now += length + 100
        spread = [self._sample(start, length, sample) for sample in samples]
        event = {
            "e": "stall",
            "t": (start + length) * MS,
            "id": self.stalls,
            "loop": loop,
            "t0": start * MS,
            "t1": (start + length) * MS,
        }
        event |= {"steps": 1, "longest_step_ns": length * MS, "cpu_ns": None, "runq_ns": None, "samples": spread}
        event |= {
            key.replace("_ms", "_ns"): value * MS if key.endswith("_ms") and value is not None else value
            for key, value in fields.items()
        }
        self.events.append(event)
        return self.stalls

    def trail(self, *looks: tuple[int, str, int | None, int | None]) -> list[list[int]]:
        """A trail of samples 10 ms apart: each (group, change, depth counted from the runner's end, contexts), None for what is not known."""
        return [
            [
                group,
                10_000 * number,
                CHANGES.index(change),
                len(RUNNER) + (depth or 0),
                *([] if contexts is None else [contexts]),
            ]
            for number, (group, change, depth, contexts) in enumerate(looks, 1)
        ]

    def replaced(self, *looks: tuple[int, int | None]) -> list[list[int]]:
        """Samples 10 ms apart: each (group, depth of the outermost frame that is another one, counted from the runner's end), None for none."""
        return [
            [group, 10_000 * number, *([] if depth is None else [len(RUNNER) + depth])]
            for number, (group, depth) in enumerate(looks, 1)
        ]

    def _sample(self, start: int, length: int, sample: dict) -> dict:
        first, last = sample.pop("between", (13, length - 3))
        return {
            "n": 1,
            "state": "unknown",
            "moved": 0,
            **sample,
            "first": (start + first) * MS,
            "last": (start + last) * MS,
        }

    def event(self, kind: str, /, **fields) -> None:
        self.events.append({"e": kind, "t": self.now * MS, **fields})

    def step(self, stall: int, *, task=None, callback="", site=None, share=1.0) -> None:
        """The step that filled (that share of) a stall."""
        event = next(each for each in self.events if each["e"] == "stall" and each["id"] == stall)
        length = int((event["t1"] - event["t0"]) * share)
        self.event(
            "step",
            stall=stall,
            loop=1,
            t0=event["t0"],
            t1=event["t0"] + length,
            task=task,
            callback=callback,
            site=site,
        )

    def recording(self) -> Recording:
        process = Process(7, self.header, tuple(self.events), self.stacks, partial=frozenset(self.partial))
        return Recording("/tmp/r", {"program": "app"}, (process,))

    def told(self, **options) -> Session:
        return diagnose(self.recording(), source=self.files.get, **options)


def kernel(n: int, stack: int | None, call: str, target: str = "", fd: int | None = None, **more) -> dict:
    return {"n": n, "stack": stack, "state": "kernel", "sys": call, "target": target, "fd": fd, **more}


def cpu(n: int, stack: int | None, *, moved: int = 0, holds_gil: bool | None = True, **more) -> dict:
    return {"n": n, "stack": stack, "state": "cpu", "moved": moved, "holds_gil": holds_gil, **more}


def gil(n: int, stack: int | None, *, tid: int | None, holder: int | None, **more) -> dict:
    return {"n": n, "stack": stack, "state": "gil", "holder": {"tid": tid, "stack": holder}, **more}


def ready(n: int, stack: int | None, **more) -> dict:
    return {"n": n, "stack": stack, "state": "ready", **more}


def only(session: Session):
    """The one finding of a session."""
    assert len(session.findings) == 1, [(each.rule, each.leaf, each.total_ms) for each in session.findings]
    return session.findings[0]
