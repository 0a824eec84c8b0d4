"""Laws of the twin's hooks into handles: where a callback without a frame was scheduled."""

import asyncio
import contextvars
import itertools

import pytest

from unjam.native._twin_hooks import Steps
from unjam.native._twin_loop import Observers, Slot

ORIGINAL_INIT = asyncio.Handle.__init__


@pytest.fixture
def steps():
    """Handles hooked as by the twin, with no loop watched."""
    hooked = Steps({})
    hooked.install(asyncio.Handle, lambda _handle, _error: None)
    yield hooked
    hooked.uninstall()


class Noted(asyncio.SelectorEventLoop):
    """Keeps the handles that are put in."""

    def __init__(self):
        super().__init__()
        self.handles = []

    def call_soon(self, callback, *args, context=None):
        handle = super().call_soon(callback, *args, context=context)
        self.handles.append(handle)
        return handle


def test_a_c_callable_is_known_by_the_line_that_scheduled_it(steps):
    """`call_soon` of a method of a C type: the innermost line that is not the loop's own."""
    loop = Noted()
    loop.call_soon([].append, 1)
    (handle,) = loop.handles
    file, _, function = steps.site(handle)
    loop.close()
    assert (file, function) == (__file__, "Noted.call_soon")


def test_a_done_callback_is_nobodys_line(steps):
    """It is scheduled by what completes the future; a server has one for each request, and looking for its line costs microseconds."""
    loop = Noted()
    done = set()

    async def main():
        task = asyncio.ensure_future(asyncio.sleep(0))
        task.add_done_callback(done.add)
        await task

    loop.run_until_complete(main())
    loop.close()
    (handle,) = (each for each in loop.handles if each._callback == done.add)
    assert (len(done), steps.site(handle)) == (1, None)


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("context", [None, contextvars.copy_context()])
def test_a_handle_is_made_as_asyncio_makes_it(steps, debug, context):
    """Every attribute, and in debug mode the stack of who made it, without a frame of ours."""
    loop = asyncio.SelectorEventLoop()
    loop.set_debug(debug)
    makers = ORIGINAL_INIT, asyncio.Handle.__init__
    made = [made_by(maker, print, (1,), loop, context) for maker in makers]
    loop.close()
    assert makers[0] is not makers[1]
    assert made[0] == made[1]


def test_an_init_of_somebody_else_stays(monkeypatch):
    """Who has patched it before us is asked for every handle as before; where handles were scheduled is not known then."""
    made = []

    def theirs(self, *arguments, **keywords):
        made.append(self)
        ORIGINAL_INIT(self, *arguments, **keywords)

    monkeypatch.setattr(asyncio.Handle, "__init__", theirs)
    steps = Steps({})
    steps.install(asyncio.Handle, lambda handle, error: None)
    try:
        loop = asyncio.SelectorEventLoop()
        handle = asyncio.Handle(print, (), loop)
        loop.close()
    finally:
        steps.uninstall()
    assert (made[-1:], steps.site(handle)) == ([handle], None)
    assert asyncio.Handle.__init__ is theirs


def made_by(maker, *arguments):
    """The attributes of a handle that this `__init__` made; equal contexts hold equal values."""
    handle = asyncio.Handle.__new__(asyncio.Handle)
    maker(handle, *arguments)
    attributes = {name: getattr(handle, name) for name in asyncio.Handle.__slots__ if name != "__weakref__"}
    return attributes | {"_context": dict(handle._context)}


class NotAsked(type):
    """A metaclass that says by an error that it was asked, as one does that defines `__eq__` alone."""

    def __eq__(cls, other):
        raise AssertionError("compared")

    __hash__ = None


class OfSuchAType(metaclass=NotAsked):
    def __call__(self):
        pass


def test_the_type_of_what_is_scheduled_is_not_asked(steps):
    """Whatever a metaclass of the program makes of being hashed or compared, its objects can be scheduled and passed."""
    assert steps.installed
    loop, called = asyncio.SelectorEventLoop(), OfSuchAType()
    handles = [loop.call_soon(called), loop.call_soon(print, called)]
    loop.close()
    assert handles[0]._callback is called
    assert handles[1]._args == (called,)
    assert [steps.site(handle) is None for handle in handles] == [True, False]


def test_each_loop_has_its_own_steps(steps):
    """Whichever began first, and after that one has ended: a step of a loop that is not watched is nobody's."""
    loops = [Noted() for _ in range(3)]
    slots = [
        Slot(number, (number, 0), threshold=1, observers=Observers(), numbers=itertools.count(1), wake=lambda: None)
        for number in range(3)
    ]
    for loop, slot in zip(loops[:2], slots, strict=False):
        steps.begin(loop, slot)
    step_of_each(loops)
    steps.end(slots[0])
    steps.begin(loops[2], slots[2])
    step_of_each(loops)
    for loop in loops:
        loop.close()
    assert [slot.steps for slot in slots] == [1, 2, 1]


def step_of_each(loops):
    """Run one step of each loop."""
    for loop in loops:
        loop.call_soon(int)
        loop.handles[-1]._run()
