"""What the loop's own thread notes of its late steps, written once the stall they made is complete."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from unjam.failure import report_failure
from unjam.probes import names, requests

MOST_STEPS = 64
"""Long steps noted of one turn: more than a few are a crowd, and are told as one."""

MOST_GROUPS, GROUPS_WRITTEN = 256, 32
"""Kinds of steps told apart within one turn, and how many of them a `crowd` names (docs/recording.md)."""

MOST_TURNS = 64
"""Late turns of all loops of which notes are kept until it is known whether they were stalls."""

CANCELLED = "a cancelled callback"

Emit: TypeAlias = Callable[[dict[str, Any]], None]


class Who:
    """Whose step it was: a task, or a callable with the place that scheduled it where it has no frame of Python."""

    __slots__ = ("callback", "site", "task")

    def __init__(self, task: dict[str, Any] | None, callback: str, site: tuple[str, int, str] | None) -> None:
        self.task, self.callback, self.site = task, callback, site


class Turn:
    """The notes of one late turn of one loop. Steps of the same `kind` are one group of a crowd.

    `taken` says that they are written, `is_guessed` that not of each step it was seen whose it was.
    """

    def __init__(self, loop_id: int, stall_id: int) -> None:
        self.loop_id, self.stall_id = loop_id, stall_id
        self.last_ns = 0
        self.taken = self.is_guessed = False
        self.steps: list[tuple[int, int, Who]] = []
        self.groups: dict[object, tuple[Who, list[int]]] = {}

    def add(
        self,
        kind: object,
        who: Who | Callable[[], Who],
        step: tuple[int, int],
        others: tuple[int, int],
        *,
        is_long: bool,
    ) -> None:
        """Note a step from when to when, and how many others for how long.

        Where `who` is to be asked, it is for those that are told one by one, and for the first of each kind.
        """
        t0, t1 = step
        more, more_ns = others
        self.last_ns = t1
        self.is_guessed |= more > 0
        is_told = is_long and len(self.steps) < MOST_STEPS
        group = self.groups.get(kind)
        if group is None or is_told:
            named = who if isinstance(who, Who) else who()
            if is_told:
                self.steps.append((t0, t1, named))
            if group is None:
                if len(self.groups) >= MOST_GROUPS:
                    return
                group = self.groups[kind] = named, [0, 0, 0]
        sums = group[1]
        sums[:] = sums[0] + 1 + more, sums[1] + t1 - t0 + more_ns, max(sums[2], t1 - t0)


class StepNotes:
    """Observes steps for the engine, in the loops' threads, and writes `step` and `crowd` events."""

    def __init__(self, engine: Any, emit: Emit, threshold_ns: int, blame: Callable[[int, Any], None]) -> None:
        """`blame` is told of each task whose long step is one of a stall's: the number of the stall, and the task."""
        self._engine, self._emit, self._threshold_ns, self._blame = engine, emit, threshold_ns, blame
        self._turns: deque[Turn] = deque(maxlen=MOST_TURNS)
        self._last: Turn | None = None

    def observe(  # noqa: PLR0917 -- the engine's contract
        self, loop_id: int, stall_id: int, handle: Any, t0: int, t1: int, more: int, more_ns: int
    ) -> None:
        """A late step has ended, and `more` before it that took `more_ns` together, which are taken to be of its kind."""
        try:
            callback = handle._callback
            task = names.task_of(callback)
            who = None if task is not None else self._of_callback(handle, callback)
            kind = (who.callback, who.site) if who is not None else names.coroutine_of(task)
            is_long = 5 * (t1 - t0) >= self._threshold_ns
            if is_long and task is not None:
                self._blame(stall_id, task)
            turn = self._turn(loop_id, stall_id, t0)
            turn.add(kind, who or partial(_of_task, task), (t0, t1), (more, more_ns), is_long=is_long)
        except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
            report_failure("a step is not named", error)

    def write_current(self, stall: dict[str, Any], task: Any) -> None:
        """Write who is running in a stall that is not over: the loop's current task, and the request that it handles.

        A task that has come to its end by the end of the step does not tell any more which one that was.
        """
        named = names.task(task)
        if named is not None:
            self._write_step(stall, (stall["t0"], None, Who(named, "", None)), _request_of(task))

    def write(self, stall: dict[str, Any]) -> None:
        """A stall is complete: write its steps, or the crowd of them."""
        t0, t1 = stall["t0"], stall["t1"]
        mine = [turn for turn in list(self._turns) if turn.loop_id == stall["loop"] and t0 < turn.last_ns <= t1]
        for turn in mine:
            turn.taken = True
            self._turns.remove(turn)
        steps = [step for turn in mine for step in turn.steps if step[0] >= t0]
        for step in steps:
            self._write_step(stall, step)
        if mine and 2 * max((end - begin for begin, end, _ in steps), default=0) < t1 - t0:
            self._write_crowd(stall, mine)

    def _turn(self, loop_id: int, stall_id: int, t0: int) -> Turn:
        """The notes of the turn of this step: the loop's last ones, unless they are of another turn."""
        last: Turn | None = self._last
        if last is None or last.loop_id != loop_id or last.taken:
            # A copy, since the drainer takes turns out meanwhile; no tuple: making one may collect garbage, which lets the drainer in.
            last = next((turn for turn in reversed(list(self._turns)) if turn.loop_id == loop_id), None)
        if last is None or last.stall_id not in {0, stall_id} or t0 - last.last_ns >= self._threshold_ns // 5:
            last = Turn(loop_id, stall_id)
            self._turns.append(last)
        last.stall_id = stall_id
        self._last = last
        return last

    def _of_callback(self, handle: Any, callback: Any) -> Who:
        site = None if names.callable_code(callback) else self._engine.scheduled_site(handle)
        # A handle that was cancelled as it ran has let go of its callback.
        return Who(None, "" if callback is None else names.callable_name(callback), site)

    def _write_step(self, stall: dict[str, Any], step: tuple[int, int | None, Who], request: str = "") -> None:
        begin, end, who = step
        named = {"task": who.task, "callback": who.callback, "site": who.site}
        named |= {"request": request} if request else {}
        self._emit({**_head("step", stall), "loop": stall["loop"], "t0": begin, "t1": end, **named})

    def _write_crowd(self, stall: dict[str, Any], turns: list[Turn]) -> None:
        groups = sorted(_together(turns), key=lambda group: -group[1][1])
        written = [_group(who, sums) for who, sums in groups[:GROUPS_WRITTEN]]
        others = max(0, (stall.get("steps") or 0) - sum(group["n"] for group in written))
        guessed = any(turn.is_guessed for turn in turns)
        self._emit({**_head("crowd", stall), "groups": written, "others": others, "guessed": guessed})


def _together(turns: list[Turn]) -> list[tuple[Who, list[int]]]:
    """The groups of some turns, those of the same kind as one."""
    kinds: dict[object, tuple[Who, list[int]]] = {}
    for turn in turns:
        for kind, (who, (count, total, longest)) in list(turn.groups.items()):
            sums = kinds.setdefault(kind, (who, [0, 0, 0]))[1]
            sums[:] = sums[0] + count, sums[1] + total, max(sums[2], longest)
    return list(kinds.values())


def _request_of(task: Any) -> str:
    try:
        return requests.handled_by(task)
    except Exception as error:  # noqa: BLE001 -- what a server keeps of its requests may be anything, and the step is told all the same
        report_failure("a request is not named", error)
        return ""


def _of_task(task: Any) -> Who:
    return Who(names.task(task), "", None)


def _head(kind: str, stall: dict[str, Any]) -> dict[str, Any]:
    return {"e": kind, "t": time.monotonic_ns(), "stall": stall["id"]}


def _group(who: Who, sums: list[int]) -> dict[str, Any]:
    name = {"coroutine": who.task["coroutine"]} if who.task else {"callback": who.callback or CANCELLED}
    count, total, longest = sums
    return {**name, "n": count, "total_ns": total, "max_ns": longest, "site": who.site}
