"""Laws of the twin's hooks into handles: where a callback without a frame was scheduled."""

import asyncio

import pytest

from unjam.native._twin_hooks import Steps


@pytest.fixture
def steps():
    """Handles hooked as by the twin, with no loop watched."""
    hooked = Steps({}, {})
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
