"""Calls that wait crosswise for each other's pools, and a waiting thread that serves one of them so that all go on.

A thread is *seated* where it is held and does nothing: in a `wait`, in an `acontext` whose body is elsewhere, or under a
loop that runs inside a call. It is *blocked* where work done on its behalf cannot go on: queued for a pool of which every
thread is blocked, or buried on a blocked thread under work that this one served. What is queued there would never begin:
one of the blocked threads takes it, as it would take a call of its own.

That this ends whatever stands still without loops inside calls: every wait is for work that began later, and whatever lies
on top of served work began later too. So no cycle is left once each queued call gets to begin.

Loops inside calls can close a *ring*: a call that waits for a loop, on top of which another call waits, through others, for
the first. Nobody can serve anything that opens it; the wait for the buried loop is refused, as it would have been at its
start, had the ring been closed then. Each ring has such a wait: a body, too, waits for its loop, but its thread was held
before anything was put on top of that loop (`may_take`), so it waits for what began later.
"""

from __future__ import annotations

from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from unjam.bridge.lineage import LINEAGE, Frame
from unjam.bridge.ports import Port, ports
from unjam.errors import WouldDeadlock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from unjam.bridge.bulkhead import Bulkhead
    from unjam.bridge.calls import Call
    from unjam.bridge.waiting import Request
    from unjam.bridge.workers import Worker

NESTED: set[Call] = set()
"""Calls that were queued behind a full pool on behalf of somebody who may hold a thread meanwhile, until they end."""


class _Seat(NamedTuple):
    """Where a thread sits. What has one of `keys` among those that wait for it is work done on its behalf."""

    worker: Worker
    place: Frame | Port
    keys: tuple[object, ...]
    request: Request | None = None
    """What it waits for, if it sits in a `wait`."""

    def take(self, call: Call) -> None:
        """Have the thread run `call` when it comes to it."""
        call.offers.add(self.place)
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
    if call.bound is not None:
        seated = [seat for seat in seated if seat.worker is call.bound]
    alone = bool(seated) if call.bound is not None else _all_seated(call.bulkhead, seated)
    return alone and {seat.place for seat in seated}.isdisjoint(call.offers)


def relieve(bulkheads: Sequence[Bulkhead]) -> None:
    """Where pools stand still, have one of their threads serve a call; where that cannot help, refuse a wait in a ring.

    To be called whenever that may have come about: when a nested call was queued, when a thread is seated again.
    """
    house = _look(bulkheads)
    blocked = _blocked(house)
    still: set[Bulkhead | Worker] = {
        pool
        for pool, seated in house.seats.items()
        if _all_seated(pool, [seat for seat in seated if seat.worker in blocked])
    }
    still |= blocked
    waiting = sorted((call for call in house.stuck if _stuck_in(call) in still), key=lambda call: call.submitted)
    served = ((call, seat) for call in waiting if (seat := _server(call, house.seats[call.bulkhead])) is not None)
    call, seat = next(served, (None, None))
    if call is not None and seat is not None:
        seat.take(call)
    elif any(port.worker is not None and port.running() for port in ports()):
        _open_rings(bulkheads)


def _stuck_in(call: Call) -> Bulkhead | Worker:
    """Return what is to run it: its pool, or the thread that is held for it."""
    return call.bulkhead if call.bound is None else call.bound


def _server(call: Call, seated: Sequence[_Seat]) -> _Seat | None:
    """Return who is to serve it; nothing is held on top of the loop that is to let go of it, or while that cannot turn."""
    if call.bound is not None:
        seated = [seat for seat in seated if seat.worker is call.bound]
    if not call.holds:
        return seated[0]
    return next((seat for seat in seated if call.port.turns and seat.worker is not call.port.worker), None)


_ring_lock = Lock()


def _open_rings(bulkheads: Sequence[Bulkhead]) -> None:
    """Refuse one wait of each ring.

    A ring seen twice with the same waits stood still in between, though no look is of one moment: no wait is entered twice,
    and one that has not ended at the second look had not at the first.
    """
    with _ring_lock:
        while (ring := _ring(bulkheads)) and ring == _ring(bulkheads):
            request = ring[0].request
            assert request is not None, "a ring begins with a wait"
            request.refuse(
                WouldDeadlock(
                    "the loop on which this waits is below a call in its thread, and that call waits for this one"
                )
            )


def _ring(bulkheads: Sequence[Bulkhead]) -> list[_Seat]:
    """Return threads of which each waits for the next, the first for a loop inside the next one; empty where none do.

    One whose request has not begun comes first, if there is one: to refuse it leaves nothing half done.
    """
    seats = {seat.worker: seat for pool in bulkheads for seat in _seats(pool) if _waits_on(seat)}
    behind: dict[object, list[_Seat]] = {}
    for seat in seats.values():
        for key in _kept(seat):
            behind.setdefault(key, []).append(seat)
    starts = [seat for seat in seats.values() if seat.request is not None and seat.request.port in behind]
    for seat in sorted(starts, key=lambda seat: seat.request is None or seat.request.task is not None):
        way = _way_back(seat, behind)
        if way:
            return way
    return []


def _waits_on(seat: _Seat) -> bool:
    """Whether the thread is under a loop, held for a body elsewhere, or in a wait whose outcome is not there."""
    return seat.request is None or (not seat.request.finished and seat.request.exception is None)


def _kept(seat: _Seat) -> Iterator[object]:
    """Yield those who certainly wait for this thread: loops below, and for whom its calls are done, unless a time limit is set."""
    for port in ports():
        if port.worker is seat.worker and port is not seat.place and port.running():
            yield port
    for call in _begun(seat.worker):
        if call.bounded or call.cancelled:
            continue
        yield from call.context.get(LINEAGE) or ()
        if call.port.worker is not None:
            yield _Awaiting(call.port)


def _way_back(start: _Seat, behind: dict[object, list[_Seat]]) -> list[_Seat]:
    """Return the shortest ring through `start` that leaves it by the loop for which it waits; empty where there is none."""
    ways = [[start, seat] for seat in behind[start.keys[-1]]]
    seen: set[Worker] = set()
    for way in ways:
        last = way[-1]
        if last.worker is start.worker:
            return way
        if last.worker not in seen:
            seen.add(last.worker)
            ways.extend([*way, seat] for key in last.keys for seat in behind.get(key, ()))
    return []


def _look(bulkheads: Sequence[Bulkhead]) -> _House:
    """Gather who is seated and what is stuck, leaving out the threads that were offered something and come to it."""
    seats = {pool: list(_seats(pool)) for pool in bulkheads}
    places = {seat.place for seated in seats.values() for seat in seated}
    queued = [call for call in NESTED.copy() if call in call.bulkhead.waiting]
    busy = {place for call in queued for place in call.offers.copy()}
    stuck = [call for call in queued if places.isdisjoint(call.offers)]
    behind: dict[object, set[Bulkhead | Worker]] = {}
    for call in stuck:
        for key in _waiting_for(call):
            behind.setdefault(key, set()).add(_stuck_in(call))
    for seated in seats.values():
        seated[:] = [seat for seat in seated if seat.place not in busy]
        for seat in seated:
            for port in ports():
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
    inside = {port.worker: port for port in ports() if port.worker is not None and port.running()}
    for worker in list(bulkhead.workers):
        call = worker.call
        if call is None:
            continue
        frame, waits = call.frame, call.inner
        if frame is not None and waits is not None:
            yield _Seat(worker, frame, (frame, waits.port), waits)
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
