"""UJ502: ready to run, but given no CPU."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ502",
    cause="starved",
    title="Ready to run, but given no CPU",
    one="the loop was away for {ms} ms, so long only because its thread was ready for part of that and got no CPU: not your code's fault",
    many="times the loop was away for so long only because its thread was ready and got no CPU, {ms} ms in all: not your code's fault",
    what="""\
The operating system had something else to run, or the cgroup's CPU quota was used up, while the loop's thread was ready, or while the thread
was that held the GIL and that the loop waited for: such a thread keeps the GIL because nobody lets it run.
""",
    why="""\
It looks exactly like a blocking call, and no change of the program's lines helps. Containers with a quota below what their threads use are stopped for the rest
of each period of 100 ms.
""",
    looks="""\
A pod with `limits: cpu: 500m` and eight busy threads runs 6 ms and then stands still for 94 ms of each period.
""",
    todo="""\
1. Raise the limit, or leave it away and keep the request.
2. Fewer busy threads and processes: `OMP_NUM_THREADS`, pool sizes, workers.
3. On a shared machine: priorities, or another machine.
""",
    costs="""\
CPU costs money; fewer threads mean less work in parallel.
""",
    allow=allowance(
        "UJ502",
        reason="build machine, busy by design",
        when="On machines that are meant to be busy: tests, CI.",
    ),
    advice=(
        "more-cpu",
        "fewer-threads",
    ),
)
