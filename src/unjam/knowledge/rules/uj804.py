"""UJ804: a queue whose consumer is gone."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ804",
    cause="dead-consumer",
    title="A queue whose consumer is gone",
    one="{culprit} waits in {leaf} for a queue that nobody takes from any more",
    many="waits for queues that nobody takes from any more: {leaf} at {culprit}",
    what="""\
`queue.join()` or `put()` on a full queue waits, and the task or thread that took from it has ended - often by an exception that nobody read.
""",
    why="""\
It waits for ever, and the real error lies an hour back in a task that was never awaited.
""",
    looks="""\
```python
async def worker(queue):
    while True:
        item = await queue.get()
        handle(item)                 # raises: the worker is gone, join() waits for ever
        queue.task_done()
```

becomes

```python
        try:
            handle(item)
        except Exception:
            log.exception("could not handle %r", item)
        finally:
            queue.task_done()
```
""",
    todo="""\
1. `task_done()` in `finally`, and errors caught and logged inside the loop.
2. Hold a reference to the consumer's task and watch its end (`TaskGroup` does).
3. Python 3.13: `Queue.shutdown()` wakes all who wait.
""",
    costs="""\
Errors that are only logged must be counted somewhere, or they are never seen.
""",
    allow=allowance(
        "UJ804",
        reason="test of the detector",
        when="There is no good reason to allow it, but a test.",
    ),
    advice=(
        "keep-consumer",
        "bounded-wait",
    ),
)
