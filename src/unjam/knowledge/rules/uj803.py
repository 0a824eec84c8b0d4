"""UJ803: a future that nobody will set."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ803",
    cause="orphan-future",
    title="A future that nobody will set",
    one="{culprit} waits in {leaf} for a future that nothing known will ever set",
    many="tasks wait for futures that nothing known will ever set: {leaf} at {culprit}",
    what="""\
A task waits for a future to which no timer, no callback, no thread and no other task leads any more.
""",
    why="""\
The one that should have set it has ended, failed or been cancelled. This is a lead, not a proof: something outside Python could still set it.
""",
    looks="""\
```python
future = loop.create_future()
pending[key] = future
await future                 # the reader of `pending` ended with KeyError an hour ago
```

becomes a reader that sets the exception for all who wait, when it ends.
""",
    todo="""\
1. Set the future on every path: result, exception, cancellation.
2. A time-out where the setter is outside your control.
3. Keep references to tasks; a task that is collected sets nothing.
""",
    costs="""\
Some lines of `try`/`finally`. Futures with an exception that nobody reads log it.
""",
    allow=allowance(
        "UJ803",
        reason="set from native code",
        when="Where something outside Python sets it.",
    ),
    advice=(
        "always-set",
        "bounded-wait",
    ),
)
