"""UJ403: many short blocking calls in one step."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ403",
    cause="repeated-call",
    title="Many short blocking calls in one step",
    one="{culprit} held the loop for {ms} ms: many short blocking calls of {leaf} in one step, none of them long",
    many="steps made many short blocking calls, {ms} ms in all: {leaf} at {culprit}",
    what="""\
A loop that makes the same blocking call again and again - a query a row, a `stat` a file, a `get` a key - without giving the loop a turn between.
""",
    why="""\
Each call is too short to be noticed. Two hundred of 2 ms are 400 ms.
""",
    looks="""\
```python
async def totals(orders):
    for order in orders:
        order.total = db.execute("select sum(price) from items where number = ?", (order.number,)).fetchone()[0]
```

becomes

```python
async def totals(orders):
    await asyncio.to_thread(load_totals, orders)     # one hop, one query with GROUP BY
```
""",
    todo="""\
1. One call instead of many: a join, `executemany`, a pipeline, `os.scandir` instead of many `stat`.
2. Move the loop as a whole into a thread, not each call in it.
3. An async driver, whose calls give the loop a turn.
""",
    costs="""\
A bigger answer to hold in memory. Each hop to a thread costs about 100 us: two hundred of them are 20 ms again.
""",
    allow=allowance(
        "UJ403",
        reason="ten local look-ups, measured 1 ms",
        when="Where the number of rounds is small and bounded.",
    ),
    advice=(
        "batch-calls",
        "whole-to-thread",
    ),
)
