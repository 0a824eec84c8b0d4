"""Calls that wait for time or for a signal."""

from __future__ import annotations

from unjam.knowledge.records import Call, Gil, family

CALLS: tuple[Call, ...] = (
    Call(
        "time.sleep",
        "UJ101",
        Gil.RELEASES,
        remedy="asyncio-sleep",
        twin="asyncio.sleep",
        source="https://docs.python.org/3/library/time.html#time.sleep",
    ),
    *family(
        "signal",
        "pause sigwait sigwaitinfo sigtimedwait",
        "UJ101",
        gil=Gil.RELEASES,
        twin="loop.add_signal_handler",
        source="https://docs.python.org/3/library/signal.html#signal.sigwait",
    ),
    Call(
        "tenacity.nap.sleep",
        "UJ101",
        Gil.RELEASES,
        remedy="asyncio-sleep",
        twin="tenacity.AsyncRetrying",
        source="https://tenacity.readthedocs.io/en/latest/#async-and-retry",
    ),
    Call("sched.scheduler.run", "UJ101", Gil.RELEASES, source="https://docs.python.org/3/library/sched.html"),
    *family(
        "psutil",
        "cpu_percent cpu_times_percent Process.cpu_percent",
        "UJ101",
        remedy="to-thread",
        source="https://psutil.readthedocs.io/en/latest/#psutil.cpu_percent",
    ),
)
