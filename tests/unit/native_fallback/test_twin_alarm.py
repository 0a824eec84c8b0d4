"""Laws of the alarms that the twin's watchdog waits for."""

import os
import sys
import time
from types import SimpleNamespace

import pytest

from unjam.native._twin_alarm import LockAlarm, TimerAlarm, make_alarm

LONG_S = 60.0


@pytest.fixture
def timer():
    """An alarm that waits for a timer of the kernel."""
    if sys.platform != "linux":
        pytest.skip("timers that can be put off are of Linux")
    alarm = make_alarm()
    assert isinstance(alarm, TimerAlarm)
    yield alarm
    alarm.close()


@pytest.fixture(params=["lock", "timer"])
def alarm(request):
    """Each kind."""
    return LockAlarm() if request.param == "lock" else request.getfixturevalue("timer")


def test_who_has_been_rung_does_not_wait(alarm):
    """Rung twice before, it ends one wait; the next lasts until its time."""
    alarm.ring()
    alarm.ring()
    assert alarm.wait(LONG_S) is True
    assert alarm.wait(0.001) is False


def while_it_waits(timer, happens):
    """Let something happen as soon as the timer is waited for."""
    real = timer._poll

    def poll(timeout_ms):
        happens()
        return real.poll(timeout_ms)

    timer._poll = SimpleNamespace(poll=poll)


def test_a_ring_ends_the_wait(timer):
    """However long that was to be."""
    while_it_waits(timer, timer.ring)
    assert timer.wait(LONG_S) is True


def test_a_wait_that_is_put_off_goes_on(timer):
    """Its time was over at once; it ends at the time that it was put off to, without having been rung."""
    until = time.monotonic_ns() + 50_000_000
    while_it_waits(timer, lambda: timer.put_off(until))
    assert timer.wait(0.0) is False
    assert time.monotonic_ns() >= until


def test_no_ring_is_lost_in_putting_off(timer):
    """The timer is set to a later time after it was rung: the wait ends all the same."""
    while_it_waits(timer, lambda: (timer.ring(), timer.put_off(time.monotonic_ns() + round(LONG_S * 1e9))))
    assert timer.wait(LONG_S) is True


@pytest.fixture
def foreign(timer):
    """A descriptor of the program's own, which has closed ours and been given its number."""
    reading, writing = os.pipe()
    os.write(writing, b"x")
    os.dup2(reading, timer._fd)
    yield timer._fd
    for fd in (reading, writing):
        os.close(fd)


def test_a_program_that_closes_descriptors_keeps_its_own(timer, foreign):
    """What has our number now is neither read, closed nor waited for; the alarm still rings and still ends."""
    assert timer.wait(0.001) is False
    timer.ring()
    assert timer.wait(LONG_S) is True
    assert timer.put_off(time.monotonic_ns()) is False
    timer.close()
    assert os.read(foreign, 1) == b"x"
    os.close(foreign)


def test_a_descriptor_that_is_closed_ends_the_timer_only(timer):
    """The wait has the length that it would have had."""
    os.close(timer._fd)
    assert timer.wait(0.001) is False
    timer.ring()
    assert timer.wait(LONG_S) is True
