"""UJ201: waiting for a thread lock on the loop."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ201",
    cause="lock",
    title="Waiting for a thread lock on the loop",
    one="{culprit} held the loop for {ms} ms in {leaf}: it waited for a lock that was held elsewhere",
    many="waits for a thread lock held the loop for {ms} ms in all: {leaf} at {culprit}",
    what="""\
Taking a `threading` lock, condition, semaphore or barrier, or a lock between processes, in code that runs on the event loop, while somebody else holds it.
Who that is, and where the lock was taken, is told where it can be seen while the loop waits: for a lock in a `with`, and with `--track-locks` for any.
""",
    why="""\
The loop stops for as long as the holder takes - and for ever, if the holder waits for the loop (UJ801).
""",
    looks="""\
```python
lock = threading.Lock()

async def price(item):
    with lock:                       # a worker thread refreshes the cache under it
        return cache[item]
```

becomes

```python
async def price(item):
    return cache[item]               # one look-up is atomic already

def refresh():
    fresh = load()                   # slow, without the lock
    with lock:
        cache.update(fresh)          # short
```
""",
    todo="""\
1. Hold the lock only for the few statements that need it; load, send and write outside.
2. Data of the loop alone: `asyncio.Lock`.
3. Shared with threads and slow: take the lock in a thread, together with the work.
4. File locks: a time-out of 0 and another try after `await asyncio.sleep(...)`, or the library's async lock (`filelock.AsyncFileLock`).
""",
    costs="""\
Shorter critical sections mean that the state may change between two of them. `asyncio.Lock` does not keep threads out.
""",
    allow=allowance(
        "UJ201",
        reason="held for microseconds only, measured",
        when="Where every holder is known to be quick: an uncontended lock costs nothing.",
    ),
    advice=(
        "short-lock",
        "asyncio-lock",
        "lock-thread",
    ),
)
