"""Laws of step notes: a stall's steps are written when it is complete, those of other turns are not."""

import asyncio
import weakref

from uvicorn.protocols.http import h11_impl

from unjam import failure
from unjam.probes import names, requests
from unjam.probes.steps import MOST_GROUPS, MOST_STEPS, StepNotes, Turn

MS = 1_000_000


class Engine:
    @staticmethod
    def scheduled_site(handle):
        return ("app.py", 7, "main")


def make_notes():
    written = []
    return StepNotes(Engine(), written.append, 50 * MS, lambda _stall, _task: None), written


def handle_of(callback):
    loop = asyncio.new_event_loop()
    try:
        return asyncio.Handle(callback, (), loop)
    finally:
        loop.close()


def work():
    pass


def other():
    pass


def stall(t0, t1, steps=2, loop=1):
    return {"e": "stall", "id": 9, "loop": loop, "t0": t0 * MS, "t1": t1 * MS, "steps": steps}


def observe(notes, stall_id, t0, t1, *, callback=work, loop=1, more=0):
    notes.observe(loop, stall_id, handle_of(callback), t0 * MS, t1 * MS, more, more * MS)


def test_a_long_step_of_a_stall_is_written():
    """The step that made the stall is written with its times and its callable."""
    notes, written = make_notes()
    observe(notes, 9, 1000, 1200)
    notes.write(stall(1000, 1201))
    (event,) = written
    expected = {
        "e": "step",
        "stall": 9,
        "loop": 1,
        "t0": 1000 * MS,
        "t1": 1200 * MS,
        "task": None,
        "callback": "work",
        "site": None,
    }
    assert {key: event[key] for key in expected} == expected


def test_a_callback_without_a_frame_has_its_site():
    """A C callable says nothing on a stack: the line that scheduled it is written."""
    notes, written = make_notes()
    observe(notes, 9, 1000, 1200, callback=print)
    notes.write(stall(1000, 1201))
    assert (written[0]["callback"], written[0]["site"]) == ("print", ("app.py", 7, "main"))


def test_steps_of_turns_that_were_no_stalls_are_not_written():
    """A late turn that ended below the threshold leaves nothing behind."""
    notes, written = make_notes()
    observe(notes, 0, 1000, 1020)
    observe(notes, 9, 2000, 2200)
    notes.write(stall(2000, 2201))
    assert [event["t0"] for event in written] == [2000 * MS]


def test_steps_before_the_threshold_belong_to_the_stall_they_became():
    """A turn of several long steps is written with all of them, the first included."""
    notes, written = make_notes()
    observe(notes, 0, 1000, 1030)
    observe(notes, 9, 1030, 1090)
    notes.write(stall(1000, 1091))
    assert [event["t0"] for event in written if event["e"] == "step"] == [1000 * MS, 1030 * MS]


def test_loops_are_not_mixed_up():
    """Steps of another loop's turn in the same moment are not this stall's."""
    notes, written = make_notes()
    observe(notes, 9, 1000, 1200)
    observe(notes, 8, 1000, 1200, callback=other, loop=2)
    notes.write(stall(1000, 1201))
    assert [event["callback"] for event in written] == ["work"]


def test_many_short_steps_are_a_crowd():
    """A turn without a long step is written as groups, the greatest first, with what was not told of counted."""
    notes, written = make_notes()
    for number in range(200):
        observe(notes, 9 if number > 50 else 0, 1000 + number, 1001 + number, callback=work if number % 4 else other)
    notes.write(stall(1000, 1200, steps=300))
    (event,) = written
    assert [(group["callback"], group["n"]) for group in event["groups"]] == [("work", 150), ("other", 50)]
    assert (event["e"], event["others"], event["guessed"]) == ("crowd", 100, False)
    assert event["groups"][0]["total_ns"] == 150 * MS


def test_a_kind_of_steps_is_one_group_though_notes_of_it_were_begun_anew():
    """A long while in which no step was looked at makes no new kinds."""
    notes, written = make_notes()
    for t0 in (1000, 1002, 1100, 1102, 1104):
        observe(notes, 9, t0, t0 + 1, more=9)
    observe(notes, 9, 1150, 1152, callback=other)
    notes.write(stall(1000, 1152, steps=60))
    (event,) = written
    assert [(group["callback"], group["n"]) for group in event["groups"]] == [("work", 50), ("other", 1)]
    assert [group["max_ns"] // MS for group in event["groups"]] == [1, 2]


def test_steps_that_were_not_looked_at_count_with_the_next_that_was():
    """Whose they were is guessed then, and the event says so."""
    notes, written = make_notes()
    for number in range(20):
        observe(notes, 9, 1000 + 10 * number, 1001 + 10 * number, callback=work if number % 4 else other, more=9)
    notes.write(stall(1000, 1200, steps=205))
    (event,) = written
    groups = [
        (group["callback"], group["n"], group["total_ns"] // MS, group["max_ns"] // MS) for group in event["groups"]
    ]
    assert groups == [("work", 150, 150, 1), ("other", 50, 50, 1)]
    assert (event["others"], event["guessed"]) == (5, True)


def test_notes_are_bounded():
    """However many steps and kinds of steps a turn has, what is kept of it is bounded."""
    notes, written = make_notes()
    for number in range(2 * MOST_GROUPS):
        namespace = {}
        exec(f"def f{number}(): pass", namespace)
        observe(notes, 9, 1000 + 12 * number, 1012 + 12 * number, callback=namespace[f"f{number}"])
    notes.write(stall(1000, 1000 + 24 * MOST_GROUPS))
    assert len([event for event in written if event["e"] == "step"]) == MOST_STEPS
    assert len(written[-1]["groups"]) <= MOST_GROUPS


def test_a_cancelled_handle_has_no_callback_any_more():
    """A step that cancelled its own handle is still a step, without a name."""
    notes, written = make_notes()
    handle = handle_of(work)
    handle.cancel()
    notes.observe(1, 9, handle, 1000 * MS, 1200 * MS, 0, 0)
    notes.write(stall(1000, 1201))
    assert [event["callback"] for event in written] == [""]


def test_steps_are_noted_while_others_are_taken():
    """The drainer writes one loop's steps while another loop's thread looks for its own: nothing of it fails or is lost."""
    notes, written = make_notes()
    observe(notes, 9, 1000, 1200, loop=3)

    class Taking(Turn):
        """A turn that is met in the search, and taken by the drainer at that moment."""

        @property
        def loop_id(self):
            if self in notes._turns:
                notes._turns.remove(self)
            return 2

        @loop_id.setter
        def loop_id(self, value):
            pass

    notes._turns.append(Taking(2, 0))
    notes._turns.append(Taking(2, 0))
    observe(notes, 9, 1000, 1200, loop=1)
    notes.write(stall(1000, 1201))
    assert [event["callback"] for event in written] == ["work"]


def test_a_step_after_its_turn_was_written_is_of_another_turn():
    """What is noted once the stall has been told of would be kept where nobody looks any more."""
    notes, written = make_notes()
    observe(notes, 9, 1000, 1200)
    notes.write(stall(1000, 1200))
    observe(notes, 9, 1200, 1400, callback=other)
    notes.write(stall(1200, 1401))
    assert [event["callback"] for event in written] == ["work", "other"]


def test_one_of_a_known_kind_is_counted_without_being_named(monkeypatch):
    """A turn of thousands of steps of one coroutine asks for the name of its task once: naming takes most of the time."""
    named = []
    monkeypatch.setattr(names, "task", lambda task: named.append(task) or {"name": "t", "coroutine": "tick"})
    notes, written = make_notes()

    async def tick():
        await asyncio.sleep(0)

    async def main():
        tasks = [asyncio.create_task(tick()) for _ in range(100)]
        for number, handle in enumerate(list(asyncio.get_running_loop()._ready)):
            notes.observe(1, 9, handle, (1000 + number) * MS, (1001 + number) * MS, 0, 0)
        await asyncio.gather(*tasks)

    asyncio.run(main())
    notes.write(stall(1000, 1100, steps=100))
    assert [(group["coroutine"], group["n"]) for group in written[0]["groups"]] == [("tick", 100)]
    assert len(named) == 1


def test_a_step_that_goes_on_tells_the_request_that_its_task_handles():
    """Of a task of the server, while it runs: once it has come to its end it does not tell any more."""
    cycle = object.__new__(h11_impl.RequestResponseCycle)
    cycle.scope = {"type": "http", "method": "GET", "path_template": "/items/{id}"}
    notes, written = make_notes()
    going_on = stall(1000, 1200) | {"t1": None}

    async def app(scope, receive, send):
        notes.write_current(going_on, asyncio.current_task())

    async def other():
        notes.write_current(going_on, asyncio.current_task())

    async def main():
        await asyncio.create_task(cycle.run_asgi(app))
        await asyncio.create_task(other())

    cycle.receive = cycle.send = cycle.transport = cycle.logger = None
    cycle.disconnected = cycle.response_started = cycle.response_complete = True
    asyncio.run(main())
    assert [(each["t1"], each["task"]["coroutine"].rpartition(".")[2], each.get("request")) for each in written] == [
        (None, "run_asgi", "GET /items/{id}"),
        (None, "other", None),
    ]


def test_a_request_that_cannot_be_read_takes_no_step_away(monkeypatch, capfd):
    """What a server keeps may be anything: the step is told without its request, and the next one as ever."""
    cycle = object.__new__(h11_impl.RequestResponseCycle)
    cycle.scope = {"type": []}
    notes, written = make_notes()

    async def app(scope, receive, send):
        notes.write_current(stall(1000, 1200) | {"t1": None}, asyncio.current_task())

    cycle.receive = cycle.send = cycle.transport = cycle.logger = None
    cycle.disconnected = cycle.response_started = cycle.response_complete = True
    monkeypatch.setattr(failure, "raises", False)
    asyncio.run(cycle.run_asgi(app))
    assert "a request is not named" in capfd.readouterr().err
    assert [each["task"]["coroutine"].rpartition(".")[2] for each in written] == ["run_asgi"]
    assert "request" not in written[0]


def test_what_a_request_holds_is_let_go_when_it_ends(monkeypatch):
    """To read which one is handled leaves nothing in the frame that would keep its objects alive."""
    cycle = object.__new__(h11_impl.RequestResponseCycle)
    cycle.scope = {"type": "http", "method": "GET"}
    kept = []

    class Held:
        pass

    async def run_asgi(self, held):
        kept.append(weakref.ref(held))
        assert requests.handled_by(asyncio.current_task()) == "GET"
        del held
        return kept[0]() is None

    monkeypatch.setitem(run_asgi.__globals__, "__name__", "uvicorn.protocols.http.h11_impl")
    is_gone = asyncio.run(run_asgi(cycle, Held()))
    assert is_gone
