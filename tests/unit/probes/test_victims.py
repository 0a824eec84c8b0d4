"""Laws of victims: those who had to wait are named by who stands behind their handle, bounded and counted."""

import asyncio
import socket
import sys
import time

import pytest

from unjam.probes.arrivals import TICK_NS
from unjam.probes.victims import MOST_VICTIMS, VictimNotes

MS = 1_000_000


class Ready:
    """A loop's ready handles, observed as if a stall had just ended, and then run."""

    def __init__(self):
        self.written = []
        self.notes = VictimNotes(self.written.append)

    def observe(self, handle, ready_ns, now_ns, ended_ns=0, turn=0):
        self.notes.observe(1, 5, handle, ready_ns, now_ns, ended_ns, turn)

    def event(self):
        self.notes.write(5)
        (event,) = self.written
        return event


@pytest.fixture
def ready():
    return Ready()


def names_of(event):
    return [(victim["kind"], victim["name"], victim["coroutine"]) for victim in event["list"]]


async def sleeper():
    await asyncio.sleep(0)


def test_a_task_is_named_with_its_coroutine_and_delay(ready):
    """A task that was ready says its name, its coroutine and how long it waited at most."""

    async def main():
        loop = asyncio.get_running_loop()
        task = loop.create_task(sleeper(), name="mine")
        handle = loop._ready.pop()
        ready.observe(handle, 100 * MS, 350 * MS)
        loop._ready.append(handle)
        await task

    asyncio.run(main())
    event = ready.event()
    assert names_of(event) == [("task", "mine", "sleeper")]
    assert (event["count"], event["delay"], event["list"][0]["delay_ns"]) == (1, "at most", 250 * MS)


async def sleepy():
    """A task that sleeps, the timer that wakes it up, and when that is due."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(asyncio.sleep(0.001), name="sleepy")
    await asyncio.sleep(0)
    (timer,) = loop._scheduled
    return task, timer, round(timer._when * 1e9)


def test_the_end_of_a_sleep_is_the_task_that_slept_late_by_its_timer(ready):
    """A timer knows when it was due: its delay is exact, and it is named after the task it wakes up."""

    async def main():
        task, timer, due = await sleepy()
        ready.observe(timer, due - 10 * MS, due + 40 * MS)
        await task

    asyncio.run(main())
    event = ready.event()
    assert names_of(event) == [("timer", "sleepy", "sleep")]
    assert (event["delay"], event["list"][0]["delay_ns"]) == ("exact", 40 * MS)


def test_a_task_that_a_late_timer_wakes_up_is_late_once(ready):
    """Timer and wake-up are one wait of one task, and so are two steps of it in a row."""

    async def main():
        task, timer, due = await sleepy()
        ((wake_up, _),) = timer._args[0]._callbacks
        ready.observe(timer, due - 10 * MS, due + 40 * MS)
        ready.observe(asyncio.Handle(wake_up, timer._args[:1], task.get_loop()), due, due + 40 * MS)
        await task

    asyncio.run(main())
    event = ready.event()
    assert (names_of(event), event["count"]) == ([("timer", "sleepy", "sleep")], 1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when data came")
@pytest.mark.parametrize("turn", [1, 4])
def test_data_waited_since_it_came(ready, turn):
    """On a connection that was kept, or of a client that connected in the stall, which is heard some turns later."""

    async def main():
        transport, client = await connected()
        came = time.monotonic_ns()
        client.send(b"hello")
        time.sleep(0.1)
        read, now = asyncio.Handle(transport._read_ready, (), asyncio.get_running_loop()), time.monotonic_ns()
        took = now - came
        ready.observe(read, came - 200 * MS, now, ended_ns=now - 1, turn=turn)
        ready.observe(read, came - 200 * MS, now, ended_ns=came - 100 * MS, turn=turn)  # it came after another stall
        ready.observe(read, came + 50 * MS, now, ended_ns=now - 1, turn=turn)  # nothing came in a third
        transport._sock.recv(10)
        client.close()
        time.sleep(0.01)
        now = time.monotonic_ns()  # the other end has hung up, which waits for nothing
        ready.observe(read, came - 200 * MS, now, ended_ns=now - 1, turn=turn)
        return took

    took = asyncio.run(main())
    event = ready.event()
    assert (event["count"], event["delay"]) == (1, "exact")
    assert abs(event["list"][0]["delay_ns"] - took) <= 2 * TICK_NS + MS


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when data came")
def test_only_measured_waits_count_some_turns_after_a_stall(ready):
    """What else runs then became ready after the stall, as far as is known."""

    async def main():
        transport, client = await connected()
        client.send(b"hello")
        time.sleep(0.1)
        loop, now = asyncio.get_running_loop(), time.monotonic_ns()
        loop._ready.extend(asyncio.Handle(callback, (), loop) for callback in (print, transport._read_ready))
        for _ in range(MOST_VICTIMS):
            ready.observe(asyncio.Handle(print, (), loop), now - 200 * MS, now, ended_ns=now - 1, turn=2)
        loop._ready.clear()
        client.close()

    asyncio.run(main())
    event = ready.event()
    assert (event["list"], event["count"]) == ([], 1)


@pytest.mark.parametrize(("due", "counts"), [(150, True), (250, False)])
def test_a_timer_that_was_due_before_a_stall_ended_waited_for_it(ready, due, counts):
    """Whichever turn it runs in, as its time is known; one that was due later did not."""
    loop = asyncio.new_event_loop()
    timer = asyncio.TimerHandle(due / 1000, print, (), loop)
    ready.observe(timer, 100 * MS, 300 * MS, ended_ns=200 * MS, turn=3)
    loop.close()
    ready.notes.write(5)
    assert [event["list"][0]["delay_ns"] for event in ready.written] == [150 * MS] * counts


async def connected():
    """A transport of asyncio's and its client's socket."""
    loop = asyncio.get_running_loop()
    made = loop.create_future()
    server = await loop.create_server(lambda: Told(made), "127.0.0.1", 0)
    client = socket.create_connection(server.sockets[0].getsockname())
    transport = await made
    server.close()
    return transport, client


class Told(asyncio.Protocol):
    def __init__(self, made):
        self.made = made

    def connection_made(self, transport):
        self.made.set_result(transport)


def test_bookkeeping_is_nobody_who_waits(ready):
    """`set.discard` of a done task, the loop's own wake-up and the end of a connection that is closed mean nothing to a reader."""

    async def main():
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        transport, _ = await loop.create_connection(asyncio.Protocol, *server.sockets[0].getsockname())
        transport.abort()
        server.close()
        for callback in (set().discard, loop._read_from_self, transport._call_connection_lost):
            ready.observe(asyncio.Handle(callback, (), loop), 0, MS)
        ready.observe(asyncio.Handle(mine, (), loop), 0, MS)

    def mine():
        pass

    asyncio.run(main())
    event = ready.event()
    assert [name for _, name, _ in names_of(event)] == ["test_bookkeeping_is_nobody_who_waits.<locals>.mine"]
    assert event["count"] == 1


def test_the_types_of_what_waited_are_not_asked(ready):
    """Whatever a metaclass of the program makes of being hashed or compared, its objects are named."""

    class NotAsked(type):
        __hash__ = None

        def __eq__(cls, other):
            raise AssertionError("compared")

    class Mine(dict, metaclass=NotAsked):
        pass

    loop = asyncio.new_event_loop()
    for handle in (asyncio.Handle(Mine().clear, (), loop), asyncio.Handle(print, (Mine(),), loop)):
        ready.observe(handle, 100 * MS, 200 * MS)
    loop.close()
    assert [name.rpartition(".<locals>.")[2] for _, name, _ in names_of(ready.event())] == ["Mine.clear", "print"]


def test_a_transport_is_named_after_its_protocol(ready):
    """Data that waited on a connection is the connection's, by the name of the program's own protocol."""

    class Mine(asyncio.Protocol):
        pass

    async def main():
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Mine, "127.0.0.1", 0)
        transport, _ = await loop.create_connection(Mine, *server.sockets[0].getsockname())
        ready.observe(asyncio.Handle(transport._read_ready, (), loop), 0, MS)
        transport.close()
        server.close()

    asyncio.run(main())
    kind, name, _ = names_of(ready.event())[0]
    assert (kind, name.split()[:2], name.endswith("Mine")) == ("callback", ["connection", "of"], True)


async def bytes_for(protocol, ready):
    """A connection of a server, of that protocol, is ready to be read while the loop is away."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    transport, _ = await loop.create_connection(asyncio.Protocol, *server.sockets[0].getsockname())
    transport._protocol = protocol
    ready.observe(asyncio.Handle(transport._read_ready, (), loop), 0, MS)
    transport._protocol = asyncio.Protocol()
    transport.close()
    server.close()


@pytest.mark.parametrize("before", ["nothing", "an answered one"])
def test_a_request_is_its_method_and_route(ready, before):
    """A request is named when it has been routed; no path, query or header is ever read."""
    h11_impl = pytest.importorskip("uvicorn.protocols.http.h11_impl")

    class Route:
        path = "/orders/{id}"

    Route.__module__ = "starlette.routing"
    protocol = object.__new__(h11_impl.H11Protocol)
    protocol.cycle = None
    if before != "nothing":
        protocol.cycle = object.__new__(h11_impl.RequestResponseCycle)
        protocol.cycle.response_complete = True

    asyncio.run(bytes_for(protocol, ready))
    cycle = object.__new__(h11_impl.RequestResponseCycle)
    cycle.scope = {"method": "GET", "path": "/orders/4711", "query_string": b"secret", "route": Route()}
    protocol.cycle = cycle
    assert names_of(ready.event()) == [("request", "GET /orders/{id}", "")]


def test_a_client_that_hangs_up_is_no_request(ready):
    """What comes on a connection after its answer, if it is no further request, makes no victim of the one that was answered."""
    h11_impl = pytest.importorskip("uvicorn.protocols.http.h11_impl")
    protocol = object.__new__(h11_impl.H11Protocol)
    protocol.cycle = object.__new__(h11_impl.RequestResponseCycle)
    protocol.cycle.response_complete = True
    protocol.cycle.scope = {"method": "GET"}

    asyncio.run(bytes_for(protocol, ready))
    ready.notes.write(5)
    assert ready.written == []


def test_the_culprit_and_who_waited_for_its_end_waited_for_nothing(ready):
    """Their next steps were not ready before: it was they who kept the others waiting."""

    loop = asyncio.new_event_loop()
    culprit = loop.create_task(sleeper(), name="culprit")
    other = loop.create_task(sleeper(), name="other")
    steps = list(loop._ready)
    ready.notes.blame(5, culprit)
    for handle in steps:
        ready.observe(handle, 0, 200 * MS, 0, 0)
    ready.observe(asyncio.Handle(lambda _task: None, (culprit,), loop), 0, 200 * MS)
    loop.run_until_complete(asyncio.gather(culprit, other))
    loop.close()
    assert names_of(ready.event()) == [("task", "other", "sleeper")]


def test_who_waited_for_the_culprit_of_another_stall_did_wait(ready):
    """What is known of one stall says nothing of the next."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(sleeper(), name="mine")
    ready.notes.blame(4, task)
    ready.observe(loop._ready[0], 0, 200 * MS)
    loop.run_until_complete(task)
    loop.close()
    assert names_of(ready.event()) == [("task", "mine", "sleeper")]


def test_loops_that_stall_at_the_same_time_are_kept_apart(ready):
    """Their steps and those who waited come in any order; each has its own culprit."""
    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(sleeper(), name=name) for name in ("mine", "other")]
    mine, other = list(loop._ready)
    ready.notes.blame(5, tasks[0])
    ready.notes.blame(6, tasks[1])
    for stall in (5, 6, 5, 6):
        for handle in (mine, other):
            ready.notes.observe(stall, stall, handle, 0, 200 * MS, 0, 0)
    for stall in (5, 6):
        ready.notes.write(stall)
    loop.run_until_complete(asyncio.gather(*tasks))
    loop.close()
    assert [[each["name"] for each in event["list"]] for event in ready.written] == [["other"], ["mine"]]


@pytest.mark.parametrize(("late_ns", "told"), [(MS // 5, 0), (5 * MS, 1)])
def test_a_timer_that_was_hardly_late_did_not_wait(ready, late_ns, told):
    """It was set in the step that held the loop, or was due as that ended."""
    loop = asyncio.new_event_loop()
    timer = loop.call_later(0.001, print)
    due = round(timer._when * 1e9)
    ready.observe(timer, due - 200 * MS, due + late_ns)
    loop.close()
    ready.notes.write(5)
    assert sum(event["count"] for event in ready.written) == told


def test_victims_are_bounded_and_all_are_counted(ready):
    """A crowd of victims is named up to a bound, and those that are ready behind it are counted."""

    def waiting():
        pass

    async def main():
        loop = asyncio.get_running_loop()
        for _ in range(2 * MOST_VICTIMS):
            loop.call_soon(waiting)
        for number in range(MOST_VICTIMS):
            ready.observe(asyncio.Handle(waiting, (), loop), 0, number * MS)

    asyncio.run(main())
    event = ready.event()
    assert (len(event["list"]), event["count"]) == (MOST_VICTIMS, 3 * MOST_VICTIMS)
    delays = [victim["delay_ns"] for victim in event["list"]]
    assert delays == sorted(delays, reverse=True)


def test_a_stall_without_victims_writes_nothing(ready):
    """Nobody waited, nothing is said."""
    ready.notes.write(5)
    assert ready.written == []


def test_bookkeeping_is_not_counted_behind_the_last_one_either(ready):
    """Of those behind the last one that is named the loop's own business is left out."""

    async def main():
        loop = asyncio.get_running_loop()
        cancelled = asyncio.Handle(print, (), loop)
        cancelled.cancel()
        queue = [asyncio.Handle(callback, (), loop) for callback in (set().discard, loop._read_from_self, print)]
        loop._ready.extend([*queue, cancelled] * 10)
        for _ in range(MOST_VICTIMS):
            ready.observe(asyncio.Handle(print, (), loop), 0, MS)
        loop._ready.clear()

    asyncio.run(main())
    assert ready.event()["count"] == MOST_VICTIMS + 10
