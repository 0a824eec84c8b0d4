"""One stall as the twin gathers it: its samples in groups, its accounts, and the event that tells of it."""

from __future__ import annotations

from typing import Any

from unjam.native._twin_frames import replaced
from unjam.native._twin_loop import FinishedTurn, Slot

MOST_GROUPS = 64
"""Sample groups kept of one stall (docs/recording.md); what comes after them is counted in the last one."""

MOST_ORDERED = 400
"""Samples of one stall whose order is kept (docs/recording.md)."""


EARLY_LINES, EARLY_EVERY_NS = 300, 1_000_000_000
"""The line of a stall at the threshold is for who listens, and for the recording of a process that is killed within the next second: then the
stall is over or has another. It is half of all that a service with many stalls writes, so that after so many of them only one a second is
written."""

AGAIN_NS, AGAIN_PART = 1_000_000_000, 4
"""A stall is told of again when it has lasted so long, and then once a second, or where it has grown by such a part."""

STILL_NS = 1_000_000_000
"""Between two such lines it is said so often that it goes on: of a process that is killed no more than that is missing."""

UNSURE_NS = 25_000_000
"""So much of what a thread waited for a CPU is booked to a turn, though it may have been before it: a look in time comes not much later."""


class EarlyLines:
    """Says which of the lines at the threshold are written."""

    def __init__(self) -> None:
        self._counted_ns = 0  # as if one had been written in each EARLY_EVERY_NS before

    def is_due(self, now: int) -> bool:
        """Whether one is written now."""
        counted = max(self._counted_ns, now - EARLY_LINES * EARLY_EVERY_NS) + EARLY_EVERY_NS
        if counted > now:
            return False
        self._counted_ns = counted
        return True


class Sample:
    """What one look at the loop's thread gave.

    `moves` says that the thread was not in one long call, though it may be seen in the same place again.
    `weight` samples that could not be taken are in it, because the GIL was kept for the `unseen_ns` before the look.
    `frames` tell the frames of the stack apart, outermost first; empty where that is of no use or not known.
    """

    __slots__ = (
        "accounts",
        "at_ns",
        "fd",
        "first_ns",
        "frames",
        "holder",
        "holds_gil",
        "moves",
        "place",
        "stack",
        "state",
        "sys",
        "target",
        "unseen_ns",
        "weight",
    )

    def __init__(self, at_ns: int, place: object = None) -> None:
        self.at_ns = self.first_ns = at_ns
        self.accounts = Accounts()
        self.place = place
        self.weight = 1
        self.unseen_ns = 0
        self.moves = False
        self.frames: tuple[int, ...] = ()
        self.stack: int | None = None
        self.state = "unknown"
        self.sys = self.target = ""
        self.fd: int | None = None
        self.holds_gil: bool | None = None
        self.holder: dict[str, int | None] | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """Two samples with the same key are one group."""
        holder = tuple(self.holder.values()) if self.holder else None
        return self.stack, self.state, self.sys, self.target, holder


class Stall:
    """A stall, or a turn that may become one; `own_delay_ns` is how long whoever looks at it had wanted a CPU before."""

    def __init__(self, slot: Slot, began: int, base: Accounts, own_delay_ns: int = 0) -> None:
        self.slot = slot
        self.began = began
        self.base = base
        self.own_delay_ns = own_delay_ns
        self.unsure_delay_ns = self.overbooked_ns = 0
        self.unqueued_ns, self.unqueued = began, base
        self.groups: dict[tuple[object, ...], dict[str, Any]] = {}
        self.samples_lost = 0
        self.suspended_ns = 0
        self.gil_asked_ns: int | None = None
        self.next_line_ns = began + slot.threshold
        self.next_still_ns = 0
        self.next_sample_ns = 0
        self.last_place: object = None
        self.last_frames: tuple[int, ...] = ()
        self.order: list[list[int]] = []
        self.numbers: dict[tuple[object, ...], int] = {}
        self.held: dict[int, Held] = {}

    def leave_open(self, now: int, accounts: Accounts, before_ns: int) -> None:
        """Part what its thread waited for a CPU since the base, which was read `before_ns` ahead of the turn, by a first look at it.

        What it waited longer than the turn has lasted was before the turn. Of the rest, as much as there was other time before is unsure.
        """
        used = self.base.until(accounts)
        waited, room = used["runq_ns"], now - self.began - (used["cpu_ns"] or 0)
        if waited is None or self.base.run_delay_ns is None:
            return
        before = max(0, waited - max(0, room))
        unsure = min(waited - before, max(0, before_ns - before))
        self.unsure_delay_ns = unsure if unsure > UNSURE_NS else 0
        delay = self.base.run_delay_ns + before + self.unsure_delay_ns
        self.base = self.unqueued = Accounts(self.base.cpu_ns, delay, self.base.throttled_ns)

    def leave_out_sleep(self, now: int, accounts: Accounts, *, asleep: bool) -> None:
        """Take out of what is booked as waiting for a CPU what cannot be: more than there was time since its thread had one, or was `asleep`.

        Linux 6.12 and later take a thread that sleeps off its CPU's queue a little later. One that is moved to another CPU before that is
        booked as waiting for it until it wakes up: kernel/sched/stats.h (sched_info_enqueue).
        """
        used = self.unqueued.until(accounts)
        if used["runq_ns"] is not None:
            excess = max(0, used["runq_ns"] - max(0, now - self.unqueued_ns - (used["cpu_ns"] or 0)))
            self.overbooked_ns += excess
            self.unqueued = Accounts(self.unqueued.cpu_ns, (self.unqueued.run_delay_ns or 0) + excess)
        if asleep:
            self.unqueued_ns, self.unqueued = now, accounts

    def add(self, sample: Sample) -> None:
        """Count a sample in its group, and put the next one off."""
        age = sample.at_ns - self.began
        self.next_sample_ns = sample.at_ns + (0 if age < 10**9 else 50_000_000 if age < 10**10 else 500_000_000)
        group = self.groups.get(sample.key)
        if group is None and len(self.groups) >= MOST_GROUPS:
            self.samples_lost += sample.weight
            group = next(reversed(self.groups.values()))
        if group is None:
            self.numbers[sample.key] = len(self.groups)
            group = self.groups[sample.key] = self._new_group(sample)
        group["n"] += sample.weight
        group["unseen_ns"] += sample.unseen_ns
        group["last"] = sample.at_ns
        elsewhere = self.last_place is not None and sample.place != self.last_place
        group["moved"] += elsewhere
        if sample.moves:
            held = self.held.setdefault(id(group), Held())
            held.samples += 1
            held.unmoved += self.last_place is not None and not elsewhere
        if {group["holds_gil"], sample.holds_gil} == {True, False}:
            group["holds_gil"] = None
        self.last_place = sample.place
        if sample.frames and len(self.order) < MOST_ORDERED:
            self._put_in_order(sample)

    def _put_in_order(self, sample: Sample) -> None:
        number = self.numbers.get(sample.key, len(self.groups) - 1)
        other = replaced(self.last_frames, sample.frames) if self.last_frames else None
        self.last_frames = sample.frames
        self.order.append([number, (sample.at_ns - self.began) // 1000, *(() if other is None else (other,))])

    def _new_group(self, sample: Sample) -> dict[str, Any]:
        group = {
            "n": 0,
            "first": sample.first_ns,
            "last": sample.at_ns,
            "stack": sample.stack,
            "state": sample.state,
            "holds_gil": sample.holds_gil,
            "moved": 0,
            "unseen_ns": 0,
        }
        optional = {"sys": sample.sys, "fd": sample.fd, "target": sample.target, "holder": sample.holder}
        return group | {name: value for name, value in optional.items() if value is not None and value != ""}

    def line_due(self, now: int) -> bool:
        """Whether the stall's line has to be written (again): at the threshold, each second, and from 4 s on when it has grown by a quarter."""
        if now < self.next_line_ns:
            return False
        age = now - self.began
        self.next_line_ns = now + (AGAIN_NS - age if age < AGAIN_NS else max(AGAIN_NS, age // AGAIN_PART))
        self.next_still_ns = now + STILL_NS
        return True

    def still_due(self, now: int) -> bool:
        """Whether it is to be said now that the stall goes on: once a second between the lines of it, unless the next is due at once."""
        if not self.next_still_ns or now < self.next_still_ns or self.next_line_ns - now < STILL_NS // 8:
            return False
        self.next_still_ns = now + STILL_NS
        return True

    def sample_due(self, now: int) -> bool:
        """Whether to look now: at every tick for a second, then more rarely."""
        return now >= self.next_sample_ns

    def event(self, now: int, end: Accounts, turn: FinishedTurn | None = None, *, mistaken: int = 0) -> dict[str, Any]:
        """The `stall` event; `turn` is the finished turn, None while it lasts.

        So many waits for the GIL may be `mistaken`: whoever looked may have lacked a CPU instead.
        """
        slot = self.slot
        counted = slot.counts_steps
        return {
            "e": "stall",
            "t": now,
            "id": slot.ids.of(self.began),
            "loop": slot.loop_id,
            "t0": self.began,
            "t1": turn.ended_ns if turn else None,
            "steps": turn.steps if turn else slot.steps - slot.steps_before if counted else None,
            "longest_step_ns": turn.longest_step_ns if turn else self._longest_step(now) if counted else None,
            **self.base.until(self._without_sleep(end)),
            **({"runq_unsure_ns": self.unsure_delay_ns} if self.unsure_delay_ns else {}),
            "suspended_ns": self.suspended_ns,
            "gil_asked_ns": self.gil_asked_ns if self._was_held(mistaken) else None,
            "samples": [self._sure(group, mistaken) for group in self.groups.values()],
            "samples_lost": self.samples_lost,
            **({"replaced": list(self.order)} if self.order else {}),
        }

    def _without_sleep(self, end: Accounts) -> Accounts:
        booked = end.run_delay_ns
        return Accounts(end.cpu_ns, None if booked is None else booked - self.overbooked_ns, end.throttled_ns)

    def _was_held(self, mistaken: int) -> bool:
        held = sum(each.samples for each in self.held.values())
        return held > mistaken or any(group["holds_gil"] and group["unseen_ns"] for group in self.groups.values())

    def _sure(self, group: dict[str, Any], mistaken: int) -> dict[str, Any]:
        """A group by what is beyond doubt, however the mistaken waits are spread."""
        held = self.held.get(id(group))
        if held is None:
            return group
        doubtful = held.samples <= mistaken and not group["unseen_ns"]
        moved = group["moved"] + max(0, held.unmoved - mistaken)
        return group | {
            "holds_gil": None if doubtful and group["holds_gil"] else group["holds_gil"],
            # That it stood still is not known either.
            "moved": None if not moved and held.unmoved else moved,
        }

    def _longest_step(self, now: int) -> int:
        return max(self.slot.longest_step_since(self.began), now - self.slot.step_from)


class Held:
    """Samples of a group whose look had to wait for the GIL as bytecode lets one wait, and how many of them show the place of the one before."""

    __slots__ = ("samples", "unmoved")

    def __init__(self) -> None:
        self.samples = self.unmoved = 0


class Accounts:
    """What a thread had used up by some moment, in nanoseconds; None is "not measured"."""

    __slots__ = ("cpu_ns", "run_delay_ns", "throttled_ns")

    def __init__(
        self, cpu_ns: int | None = None, run_delay_ns: int | None = None, throttled_ns: int | None = None
    ) -> None:
        self.cpu_ns, self.run_delay_ns, self.throttled_ns = cpu_ns, run_delay_ns, throttled_ns

    def until(self, end: Accounts) -> dict[str, int | None]:
        """What was used from here to `end`, as a `stall` event says it."""
        return {
            "cpu_ns": _difference(self.cpu_ns, end.cpu_ns),
            "runq_ns": _difference(self.run_delay_ns, end.run_delay_ns),
            "throttled_ns": _difference(self.throttled_ns, end.throttled_ns),
        }


def _difference(begin: int | None, end: int | None) -> int | None:
    return None if begin is None or end is None else max(0, end - begin)
