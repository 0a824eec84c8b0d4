"""UJ802: a pool whose workers wait for their own pool."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ802",
    cause="pool-deadlock",
    title="A pool whose workers wait for their own pool",
    one="every worker of {thread} waits in {leaf} for work that is queued behind it: {culprit}",
    many="workers of {thread} wait for work that is queued behind them: {leaf} at {culprit}",
    what="""\
Each thread of a pool waits for the result of a call that was submitted to the same pool and has not begun.
""",
    why="""\
No worker is free to run what all of them wait for. It shows only when enough such calls come together.
""",
    looks="""\
```python
def outer(item):
    return pool.submit(inner, item).result()     # pool of four, four outers: none ever ends
```

becomes

```python
def outer(item):
    return inner(item)
```
""",
    todo="""\
1. Call the inner function directly.
2. Another pool for the inner calls.
3. Chain by callbacks or on the loop (`await`), where nobody waits in a thread.
""",
    costs="""\
A second pool takes threads; a bigger one only moves the number at which it happens.
""",
    allow=allowance(
        "UJ802",
        reason="test of the detector",
        when="There is no good reason to allow it, but a test.",
    ),
    advice=(
        "no-wait-in-worker",
        "bounded-wait",
    ),
)
