"""Calls that wait crosswise for each other's pools, and a waiting thread that serves one of them so that all go on.

A thread is *seated* where it is held and does nothing: in a `wait`, in an `acontext` whose body is elsewhere, or under a
loop that runs inside a call. It is *blocked* where work done on its behalf cannot go on: queued for a pool of which every
thread is blocked, or buried on a blocked thread under work that this one served. What is queued there would never begin:
one of the blocked threads takes it, as it would take a call of its own.

That this ends whatever stands still: every wait is for work that began later, and whatever lies on top of served work began
later too. So no cycle is left once each queued call gets to begin.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from unjam.bridge.lineage import LINEAGE, Frame
from unjam.bridge.ports import PORTS, Port

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from unjam.bridge.bulkhead import Bulkhead
    from unjam.bridge.calls import Call
    from unjam.bridge.workers import Worker

NESTED: set[Call] = set()
"""Calls that were queued behind a full pool on behalf of somebody who may hold a thread meanwhile, until they end."""


class _Seat(NamedTuple):
    """Where a thread sits. What has one of `keys` among those that wait for it is work done on its behalf."""

    worker: Worker
    place: Frame | Port
    keys: tuple[object, ...]

    def take(self, call: Call) -> None:
        """Have the thread run `call` when it comes to it."""
        call.offers += (self.place,)
        if isinstance(self.place, Frame):
            self.place.offer(call)
        else:
            self.place.post(partial(self.place.lend, call))


class _Awaiting(NamedTuple):
    """What tasks of a loop inside a call wait for; the port alone is a key for what keeps that loop from turning."""

    port: Port


class _House(NamedTuple):
    """All pools at one moment: who is seated, and for each key the pools and the threads that its work is stuck in."""

    seats: dict[Bulkhead, list[_Seat]]
    stuck: list[Call]
    behind: dict[object, set[Bulkhead | Worker]]


def may_stand_still(call: Call) -> bool:
    """Whether a call just queued has nobody to run it but threads that are seated; a quick look at its own pool."""
    seated = list(_seats(call.bulkhead))
    return _all_seated(call.bulkhead, seated) and {seat.place for seat in seated}.isdisjoint(call.offers)


def relieve(bulkheads: Iterable[Bulkhead]) -> None:
    """Where pools stand still, have one of their threads serve a call.

    To be called whenever that may have come about: when a nested call was queued, when a thread is seated again.
    """
    house = _look(bulkheads)
    blocked = _blocked(house)
    still = [
        pool
        for pool, seated in house.seats.items()
        if _all_seated(pool, [seat for seat in seated if seat.worker in blocked])
    ]
    first = min((call for call in house.stuck if call.bulkhead in still), key=lambda call: call.submitted, default=None)
    if first is not None:
        house.seats[first.bulkhead][0].take(first)


def _look(bulkheads: Iterable[Bulkhead]) -> _House:
    """Gather who is seated and what is stuck, leaving out the threads that were offered something and come to it."""
    seats = {pool: list(_seats(pool)) for pool in bulkheads}
    places = {seat.place for seated in seats.values() for seat in seated}
    queued = [call for call in NESTED.copy() if call in call.bulkhead.waiting]
    busy = {place for call in queued for place in call.offers}
    stuck = [call for call in queued if places.isdisjoint(call.offers)]
    behind: dict[object, set[Bulkhead | Worker]] = {}
    for call in stuck:
        for key in _waiting_for(call):
            behind.setdefault(key, set()).add(call.bulkhead)
    for seated in seats.values():
        seated[:] = [seat for seat in seated if seat.place not in busy]
        for seat in seated:
            for port in list(PORTS.values()):
                if port.worker is seat.worker and port is not seat.place and port.running():
                    behind.setdefault(port, set()).add(seat.worker)
            for call in _begun(seat.worker):
                for key in _waiting_for(call):
                    behind.setdefault(key, set()).add(seat.worker)
    return _House(seats, stuck, behind)


def _blocked(house: _House) -> set[Worker]:
    """Return the threads that can only go on when another of them does: all that are seated, less those with a way out."""
    blocked = {seat.worker for seated in house.seats.values() for seat in seated}
    while True:
        dead: set[Bulkhead | Worker] = set(blocked)
        for pool, seated in house.seats.items():
            if _all_seated(pool, [seat for seat in seated if seat.worker in blocked]):
                dead.add(pool)
        free = {
            seat.worker
            for seated in house.seats.values()
            for seat in seated
            if seat.worker in blocked and all(dead.isdisjoint(house.behind.get(key, ())) for key in seat.keys)
        }
        if not free:
            return blocked
        blocked -= free


def _all_seated(bulkhead: Bulkhead, seated: list[_Seat]) -> bool:
    """Whether these are all threads of the pool; one that is just being started is not seated."""
    return 0 < bulkhead.threads <= len(seated)


def _seats(bulkhead: Bulkhead) -> Iterator[_Seat]:
    inside = {port.worker: port for port in list(PORTS.values()) if port.worker is not None and port.running()}
    for worker in list(bulkhead.workers):
        call = worker.call
        if call is None:
            continue
        frame, waits = call.frame, call.inner
        if frame is not None and waits is not None:
            yield _Seat(worker, frame, (frame, waits.port))
        elif frame is not None and call.holds:
            if frame.spare is not None and not frame.spare.locked():
                yield _Seat(worker, frame, (frame, call.port))
        elif worker in inside and worker.under is not inside[worker]:
            yield _Seat(worker, inside[worker], (_Awaiting(inside[worker]),))


def _begun(worker: Worker) -> Iterator[Call]:
    """Yield the calls that this thread has begun: the one in which it sits, and those that it cannot go on with before."""
    call = worker.call
    while call is not None:
        yield call
        call = call.outer


def _waiting_for(call: Call) -> Iterator[object]:
    """Yield those on whose behalf it is done: frames above it, loops that these keep blocked, its own loop in a thread."""
    for frame in call.context.get(LINEAGE) or ():
        yield frame
        if frame.blocked is not None:
            yield frame.blocked
    if call.port.worker is not None:
        yield _Awaiting(call.port)
