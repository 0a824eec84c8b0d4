"""UJ701: a time-out that was not the other side's fault."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ701",
    cause="false-timeout",
    title="A time-out that was not the other side's fault",
    one="{leaf} fired after {ms} ms, but not because the other side was slow: the loop was away, see {culprit}",
    many="time-outs fired although the other side was not slow, {ms} ms in all: {leaf}, see {culprit}",
    what="""\
A time-out (`asyncio.timeout`, `wait_for`, a client's own) fired although the reply was there or could not have been fetched: the loop was
away for most of the window, or the call sat in the queue of a full pool.
""",
    why="""\
The error names the database, Redis or an API. People then raise time-outs or change servers, and the stall stays.
""",
    looks="""\
```
TimeoutError: Timeout reading from redis:6379      (5.0 s)
```

while the loop was away for 4.8 of the 5.0 s in `json.dumps` of another request, and the reply was readable after 3 ms.
""",
    todo="""\
1. Fix the finding that is named; it is the cause.
2. Leave the time-out as it is: raising it hides the stall.
3. If the call queued in a pool: see UJ601.
""",
    costs="""\
None for the time-out itself.
""",
    allow=allowance(
        "UJ701",
        reason="test of the time-out itself",
        when="In tests that block on purpose.",
    ),
    advice=("fix-the-stall",),
)
