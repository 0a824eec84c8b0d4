"""UJ205: running a loop inside a loop."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ205",
    cause="nested-run",
    title="Running a loop inside a loop",
    one="{culprit} held the loop for {ms} ms in {leaf}: it ran another loop to its end where a loop was running already",
    many="nested runs held the loop for {ms} ms in all: {leaf} at {culprit}",
    what="""\
`asyncio.run`, `loop.run_until_complete`, `anyio.run` or `async_to_sync` in code that already runs on a loop, made possible by
`nest_asyncio` or by a fresh loop in a helper.
""",
    why="""\
The outer loop waits until the inner one has finished: its tasks stand still. Without a patch Python refuses with
`RuntimeError: asyncio.run() cannot be called from a running event loop`.
""",
    looks="""\
```python
def load(item):                      # called from a coroutine, three levels up
    return asyncio.run(fetch(item))
```

becomes

```python
async def load(item):
    return await fetch(item)
```
""",
    todo="""\
1. Make the helper `async` and await it, up to the nearest coroutine.
2. From a thread of the same program: `asyncio.run_coroutine_threadsafe(coro, loop).result()` in that thread, or `anyio.from_thread.run`.
""",
    costs="""\
Each caller in between becomes async. Synchronous callers need an entry of their own.
""",
    allow=allowance(
        "UJ205",
        reason="notebook cell, nothing else runs",
        when="In a notebook or a console, where nothing else shares the loop.",
    ),
    advice=("await-instead",),
)
