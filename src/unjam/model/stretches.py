"""What of a stall lies in a stretch of the program: a watch may begin in the middle of a turn that is long already."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from unjam.model.session import Event

OF_THE_WHOLE = ("steps", "longest_step_ns", "cpu_ns", "runq_ns", "runq_unsure_ns", "throttled_ns", "gil_asked_ns")
"""Numbers of a `stall` event that are of its whole turn: of a part they are not known."""

IN_ORDER = frozenset({"trail", "replaced"})
"""What tells of the samples of a `stall` event one by one: [group, microseconds since `t0`, ...]."""


def parts_from(events: Iterable[Event], began_ns: int) -> list[Event]:
    """The events of a stretch, those of a stall that began before it cut to what came after `began_ns`.

    What was made of many small steps is not told in such a stall: which of them came before is not known.
    """
    listed = list(events)
    cut = {event["id"] for event in listed if event["e"] == "stall" and event["t0"] < began_ns}
    return [_part(event, began_ns) for event in listed if event["e"] != "crowd" or event["stall"] not in cut]


def _part(event: Event, began_ns: int) -> Event:
    if event["e"] not in {"stall", "step"} or event["t0"] >= began_ns:
        return event
    return {**event, "t0": began_ns} if event["e"] == "step" else _part_of_stall(event, began_ns)


def _part_of_stall(event: Event, began_ns: int) -> Event:
    earlier_us = (began_ns - event["t0"]) // 1000
    part: Event = {
        **event,
        **dict.fromkeys(OF_THE_WHOLE),
        "t0": began_ns,
        "suspended_ns": 0,
        "samples": [_group(group, began_ns) for group in event["samples"]],
    }
    for order in IN_ORDER & event.keys():
        part[order] = [[look[0], look[1] - earlier_us, *look[2:]] for look in event[order] if look[1] >= earlier_us]
    return part


def _group(group: dict[str, Any], began_ns: int) -> dict[str, Any]:
    """Equal samples: those before are taken off by their share of the time; where none is left the place of the group stays."""
    first, last, count = group["first"], group["last"], group["n"]
    if first >= began_ns:
        return group
    if last < began_ns:
        return {**group, "n": 0}
    return {**group, "n": max(1, round(count * (last - began_ns) / (last - first))), "first": began_ns}
