"""One look at a loop's thread: which stack, and what it was doing since the look before, concluded from clocks.

The one who looks has the GIL, so the thread looked at has just lost it or never had it: what the thread does at this very
moment proves little. What counts is how it spent the time since the look before, and how long it let us wait for the GIL.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NamedTuple

from unjam.native import _twin_os as system
from unjam.native._twin_frames import Identities
from unjam.native._twin_loop import Slot
from unjam.native._twin_stacks import Place, begun, walk
from unjam.native._twin_stall import Accounts, Sample
from unjam.native.frames import current_frames
from unjam.native.thread_numbers import number_of

MOST_THREADS = 256
"""Threads whose clocks are compared to find who holds the GIL; with more the holder stays unknown."""

NATIVE_INTERVALS = 3
"""Waiting for the GIL longer than this many switch intervals proves that nobody reached a bytecode that gives it up."""


class Seen(NamedTuple):
    """Where a loop's thread is, innermost first, and which other thread has used most CPU lately, and where that one is.

    `frames` tell apart the frames of the stack, outermost first, where the loop does not count its steps.
    `cpu_ns` is what the thread had used of the CPU by then.
    """

    places: list[Place]
    hog: tuple[int, list[Place]] | None
    frames: tuple[int, ...] = ()
    cpu_ns: int | None = None


class Sampler:
    """Takes the samples of all loops; `number_stack` gives places a stack number, writing the stack where it is new."""

    def __init__(self, number_stack: Callable[[list[Place]], int], tick_ns: int) -> None:
        self._number_stack = number_stack
        self._tick_ns = tick_ns
        self._switch_interval = round(sys.getswitchinterval() * 1e9)
        self._identities = Identities()
        self._before: dict[Slot, tuple[int, Accounts]] = {}
        self._clocks: dict[int, int] = {}
        self._clocked_ns = self._between_ns = 0

    def begin(self, slot: Slot, now: int, accounts: Accounts) -> None:
        """Let the next look count from here."""
        self._before[slot] = now, accounts

    def rest(self, slot: Slot) -> None:
        """The loop has come back."""
        self._identities.forget(slot.ident)

    def begin_at_latest(self, slot: Slot, now: int, accounts: Accounts) -> None:
        """Let the next look count from here, unless it counts from a later moment already."""
        before, _ = self._before.get(slot, (0, accounts))
        if before < now:
            self.begin(slot, now, accounts)

    def forget(self, slot: Slot) -> None:
        """The loop is gone."""
        self._before.pop(slot, None)
        self._identities.forget(slot.ident)

    def see(self, slots: Sequence[Slot]) -> dict[int, Seen]:
        """Where the threads of these loops are, by their idents; a thread that has ended is left out.

        The GIL is kept all through: whoever had to give it up goes on as soon as it is let go, and reading a file lets it go.
        """
        if not slots:
            return {}
        for slot in slots:
            if not slot.counts_steps:
                self._identities.occupy(slot.ident)
        frames = current_frames()
        used = self._used()
        seen = {}
        for slot in slots:
            places = walk(frames.get(slot.ident))
            if places:
                followed = () if slot.counts_steps else self._identities.of(slot.ident, frames[slot.ident])
                hog = self._hog(slot, used, frames)
                seen[slot.ident] = Seen(begun(places), hog, followed, system.cpu_ns(slot.tid))
        frames.clear()
        return seen

    def is_late(self, asked: int) -> bool:
        """Whether a wait for the GIL was longer than any that bytecode causes."""
        return asked > NATIVE_INTERVALS * self._switch_interval

    def most_mistaken(self, starved_ns: int) -> int:
        """How many waits as bytecode causes them may have been none: whoever looks had no CPU for so long in all."""
        return 5 * starved_ns // (4 * self._switch_interval)

    def judge(self, slot: Slot, seen: Seen, now: int, asked: int, *, over: bool = False) -> Sample:
        """What was seen as a sample; `asked` is how long the look had to wait for the GIL.

        `over`: the turn has ended since, so that what the thread waits for now is nothing of it.
        """
        sample = Sample(now, [(id(code), lasti) for code, lasti, _ in seen.places])
        sample.frames = seen.frames
        asked = self._kept(slot, asked)
        self._judge(sample, slot, asked, seen, over=over)
        sample.stack = self._number_stack(seen.places)
        if sample.state == "gil" and seen.hog is not None:
            tid, places = seen.hog
            sample.holder = {"tid": tid, "stack": self._number_stack(places)}
        if self.is_late(asked):
            # As long as nobody gives the GIL up, no stack can change: the looks that this wait prevented would have been equal.
            sample.weight = max(1, asked // self._tick_ns)
            sample.first_ns, sample.unseen_ns = now - asked, asked
        elif sample.holds_gil:
            # It gave the GIL up when it was asked to, which bytecode does, always at the same places of a loop.
            sample.moves = True
        return sample

    def _kept(self, slot: Slot, asked: int) -> int:
        """How much of a wait for the GIL the loop's thread can have kept it: without a CPU nobody can give it up."""
        if not self.is_late(asked):
            return asked
        _, before = self._before.get(slot, (0, Accounts()))
        return max(0, asked - (before.until(Accounts(None, system.run_delay_ns(slot.tid)))["runq_ns"] or 0))

    def _judge(self, sample: Sample, slot: Slot, asked: int, seen: Seen, *, over: bool) -> None:
        began, before = self._before.get(slot, (sample.at_ns, Accounts()))
        now = Accounts(seen.cpu_ns, before.run_delay_ns)
        wall, cpu_ns = sample.at_ns - began, before.until(now)["cpu_ns"]
        if cpu_ns is not None and 2 * cpu_ns >= wall:
            sample.state, sample.holds_gil = "cpu", self._held(asked)
        elif cpu_ns is not None and not over:
            now.run_delay_ns = system.run_delay_ns(slot.tid)
            sample.accounts = now
            kept = seen.hog is not None and self._held(asked) is True
            self._judge_waiting(sample, slot, wall, before.until(now)["runq_ns"], kept=kept)
        self.begin(slot, sample.at_ns, now)

    def _judge_waiting(self, sample: Sample, slot: Slot, wall: int, run_delay: int | None, *, kept: bool) -> None:
        """`kept`: the GIL was kept from us all along, while other threads had the CPU."""
        call = system.system_call(slot.tid)
        if run_delay is not None and 2 * run_delay >= wall:
            sample.state = "ready"
        # Who waits for the GIL wakes up once in a switch interval to ask for it, and then is in no call.
        elif call is not None and (system.waits_for_gil(call) or (kept and not call.name)):
            sample.state, sample.holds_gil = "gil", False
        elif call is not None and call.name:
            sample.state, sample.holds_gil, sample.sys = "kernel", False, call.name
            sample.fd, sample.target = system.target(call)

    def _held(self, asked: int) -> bool | None:
        """Whether a thread that was on a CPU held the GIL: then we had to wait a switch interval, else hardly at all."""
        if 5 * asked >= 4 * self._switch_interval:
            return True
        return False if 5 * asked < self._switch_interval else None

    def _used(self) -> dict[int, tuple[int, int]]:
        """By ident of each thread its number in the operating system, and the CPU time it has used since the look before."""
        before, self._clocks = self._clocks, {}
        since, self._clocked_ns = self._clocked_ns, time.monotonic_ns()
        self._between_ns = self._clocked_ns - since
        used = {}
        for ident, tid in native_ids()[:MOST_THREADS]:
            clock = system.cpu_ns(tid)
            if clock is not None:
                self._clocks[tid] = clock
                used[ident] = tid, clock - before.get(tid, clock)
        return used

    def _hog(
        self, slot: Slot, used: dict[int, tuple[int, int]], frames: dict[int, FrameType]
    ) -> tuple[int, list[Place]] | None:
        """The other thread that has used most CPU, and where it is; None where the others had no CPU to speak of."""
        others = {ident: pair for ident, pair in used.items() if ident != slot.ident}
        ident = max(others, key=lambda each: others[each][1], default=0)
        busy = 2 * sum(cpu for _, cpu in others.values()) >= self._between_ns
        return (others[ident][0], begun(walk(frames[ident]))) if busy and ident in frames else None


def native_ids() -> list[tuple[int, int]]:
    """(ident, number in the operating system) of the threads that `threading` knows."""
    known = threading._active.copy()  # type: ignore[attr-defined]  # noqa: SLF001 -- enumerate() takes a lock that may be held
    numbered = [(ident, number_of(thread, vars(thread).get("_native_id"))) for ident, thread in known.items()]
    return [(ident, number) for ident, number in numbered if number is not None]


def native_id(ident: int) -> int:
    """The number in the operating system of a thread; 0 where `threading` does not know it."""
    return dict(native_ids()).get(ident, 0)
