"""What the order of the samples proves: how often a frame went on between two of them, and which steps they were of.

While one native call runs, no frame of its thread changes (docs/recording.md). So a frame that is at the same instruction as in the sample
before, and holds other objects, has come back to it: it makes another call than before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from unjam.diagnosis.events import Look


@dataclass(frozen=True, slots=True)
class Progress:
    """How a frame went on over several samples, whose `pairs` of neighbours were compared.

    `changes` of the pairs showed it to have gone on, `again` of them at the same instruction. `still_ns` is the longest time between two samples
    with no such change between them: something may have taken that long. `most_ns` is the longest time that anything can have taken.
    """

    pairs: int = 0
    changes: int = 0
    again: int = 0
    still_ns: int = 0
    most_ns: int = 0


def progress(looks: Sequence[Look], depth: int) -> Progress:
    """How the frame number `depth`, or one around it, went on from sample to sample."""
    changed = [_went_on(look, depth) for look in looks[1:]]
    again = sum(look.change == "again" and look.depth == depth for look in looks[1:])
    still, most = _spans(looks, changed)
    return Progress(sum(look.change != "unknown" for look in looks[1:]), sum(changed), again, still, most)


def _went_on(look: Look, depth: int) -> bool:
    return look.change not in {"none", "unknown"} and look.depth <= depth


def _spans(looks: Sequence[Look], boundary: Sequence[bool]) -> tuple[int, int]:
    """The longest time from the first to the last sample between two boundaries, and from the sample before to the one after."""
    runs, times = _runs(boundary), _running(looks)
    still = max((times[run[-1]] - times[run[0]] for run in runs), default=0)
    last = len(looks) - 1
    most = max((times[min(run[-1] + 1, last)] - times[max(run[0] - 1, 0)] for run in runs), default=0)
    return still, most


def _runs(boundary: Sequence[bool]) -> list[list[int]]:
    """The numbers of the samples, cut at each boundary between two."""
    runs = [[0]]
    for number, ends in enumerate(boundary, 1):
        if ends:
            runs.append([])
        runs[-1].append(number)
    return runs


def _running(looks: Sequence[Look]) -> list[int]:
    """For each sample the time from the first one on, without that in which the thread waited for a CPU: no call takes longer by that."""
    times = [0] if looks else []
    for before, look in pairwise(looks):
        times.append(times[-1] + (0 if look.group.state == "ready" else look.at - before.at))
    return times


STILL_SAMPLES = 3
"""So many samples without a change show one long native call, fewer may be chance."""


@dataclass(frozen=True, slots=True)
class Motion:
    """How the samples of one stack follow those before them, whose difference is known in `pairs` cases, of which `changes` are changes.

    `longest` is how many samples in a row were seen of a thread with a CPU in which nothing changed. `inside` of the changes were the end of a
    frame that the same call had entered: native code that runs bytecode.
    """

    pairs: int
    changes: int
    longest: int
    inside: int

    @property
    def still(self) -> bool:
        """Whether most of these samples stand, three or more of them in a row: they are of one native call."""
        return self.longest >= STILL_SAMPLES and 2 * self.changes <= self.pairs

    @property
    def moving(self) -> bool:
        """Whether at least half of them show that bytecode was executed since the sample before.

        One change may be the end of a call, and that other code was executed does not count alone.
        """
        return 2 * self.changes >= self.pairs and (self.changes > 1 or self.inside > 0)


def motion(trail: Sequence[Look], stack: int | None, depth: int) -> Motion | None:
    """How the samples of that stack, which has `depth` frames, stand or move; None where nothing is known of it.

    A thread that waits for a CPU stands for no other reason.
    """
    known = [look for look in trail[1:] if look.group.stack == stack and look.change != "unknown"]
    known = [look for look in known if look.change != "none" or look.group.state != "ready"]
    longest = row = 0
    for before, look in pairwise(trail):
        stands = look.change == "none" and look.group.stack == before.group.stack == stack
        row = row + (look.group.state != "ready") if stands else 0
        longest = max(longest, row)
    changes = [look for look in known if look.change != "none"]
    inside = sum(look.change in {"frame", "cut"} and look.depth == depth for look in changes)
    return Motion(len(known), len(changes), longest + 1 if longest else 0, inside) if known else None


def stretches(trail: Iterable[Look], belongs: Callable[[Look], bool]) -> list[list[Look]]:
    """The unbroken runs of samples that belong to something."""
    found: list[list[Look]] = [[]]
    for look in trail:
        if belongs(look):
            found[-1].append(look)
        elif found[-1]:
            found.append([])
    return [each for each in found if each]


def joined(parts: Iterable[Progress]) -> Progress:
    """The progress over several stretches."""
    whole = Progress()
    for each in parts:
        whole = Progress(
            whole.pairs + each.pairs,
            whole.changes + each.changes,
            whole.again + each.again,
            max(whole.still_ns, each.still_ns),
            max(whole.most_ns, each.most_ns),
        )
    return whole


@dataclass(frozen=True, slots=True)
class Run:
    """Samples of one step: when the first and the last were taken, and the time between them in which the thread did not wait for a CPU."""

    first: int
    last: int
    length_ns: int


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps that a trail shows to have begun, and the runs of samples that are each of one."""

    begun: int
    runs: tuple[Run, ...]


def steps(trail: Sequence[Look], root: Callable[[Look], int | None]) -> Steps | None:
    """The steps that the samples are of, told by the contexts that each enters and leaves; None where those are not known.

    `root` is the number of a sample's first frame of a coroutine where its step is one of a task: while that very frame goes on, so does its
    step, whatever contexts it enters.
    """
    known = [look.contexts for look in trail[1:]]
    if not known or any(each is None for each in known):
        return None
    begins = [_begins(before, look, root) for before, look in pairwise(trail)]
    begun = sum((look.contexts or 0) // 2 for look, begin in zip(trail[1:], begins, strict=True) if begin)
    return Steps(begun, _runs_of(trail, begins))


def replaced_steps(looks: Sequence[Look], root: Callable[[Look], int | None]) -> Steps:
    """The steps that are known to be others than before, by the frames that each began with; `root` is the number of a sample's first one.

    Some may have begun and ended between two samples.
    """
    begins = [_is_replaced(root(before), root(look), look) for before, look in pairwise(looks)]
    return Steps(sum(begins), _runs_of(looks, begins))


def _is_replaced(before: int | None, now: int | None, look: Look) -> bool:
    if before is None or now is None:
        return before is not now  # a step without a frame of Python
    return look.change == "frame" and look.depth <= now


def _runs_of(looks: Sequence[Look], begins: Sequence[bool]) -> tuple[Run, ...]:
    times = _running(looks)
    return tuple(Run(looks[run[0]].at, looks[run[-1]].at, times[run[-1]] - times[run[0]]) for run in _runs(begins))


def _begins(before: Look, look: Look, root: Callable[[Look], int | None]) -> bool:
    """Whether another step than before is seen: contexts were entered, and not just within a task's step that went on."""
    if not look.contexts:
        return False
    first = root(look)
    same_task = first is not None and root(before) == first and look.change != "unknown"
    return not (same_task and not _may_be_replaced(look, first))


def _may_be_replaced(look: Look, root: int | None) -> bool:
    """Whether the frame is another one than before, or none that was compared."""
    return root is not None and look.change in {"frame", "cut"} and look.depth <= root
