"""UJ101: sleeping on the loop."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ101",
    cause="sleep",
    title="Sleeping on the loop",
    one="{culprit} held the loop for {ms} ms in {leaf}: it slept, and nothing else on the loop could run meanwhile",
    many="sleeps held the loop for {ms} ms in all: {leaf} at {culprit}",
    what="""\
A synchronous sleep - `time.sleep`, `libc.usleep`, a retry decorator that waits - in code that runs on the event loop.
""",
    why="""\
The loop has one thread. While that thread sleeps, no task runs, no timer fires and no socket is read: a pause meant for one
request becomes a pause of all of them.
""",
    looks="""\
```python
async def poll(job):
    while not job.done():
        time.sleep(0.5)          # every other request waits half a second, too
        await job.refresh()
```

becomes

```python
async def poll(job):
    while not job.done():
        await asyncio.sleep(0.5)
        await job.refresh()
```

Often it hides in a decorator (`tenacity.retry`, `backoff.on_exception` on a plain function) or in a client's own retry.
""",
    todo="""\
1. `await asyncio.sleep(...)`; `anyio.sleep` in code for anyio.
2. Retry decorators: decorate the `async def`; tenacity and backoff then await their pauses.
3. In code that must stay synchronous: run the whole function by `await asyncio.to_thread(...)`.
""",
    costs="""\
Other tasks run during an awaited sleep. What they change must be read again afterwards. In a thread, the sleep holds one of the
default pool's few threads for its whole length.
""",
    allow=allowance(
        "UJ101",
        reason="start-up only, before the server listens",
        when="Where nothing else runs on that loop: a script with one task, a start-up hook.",
    ),
    advice=(
        "asyncio-sleep",
        "whole-to-thread",
    ),
)
