"""UJ102: file work on the loop."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ102",
    cause="file",
    title="File work on the loop",
    one="{culprit} held the loop for {ms} ms in {leaf}: it read, wrote or looked up files",
    many="waits for files held the loop for {ms} ms in all: {leaf} at {culprit}",
    what="""\
Opening, reading, writing, listing, copying, syncing or locking files in code that runs on the event loop.
""",
    why="""\
There is no asynchronous file I/O in asyncio. A read that finds its page in memory takes microseconds; the same line waits for
milliseconds on a busy disk and for seconds on a network file system, after `fsync`, or behind another process's `flock`.
""",
    looks="""\
```python
async def export(rows):
    with open("export.csv", "w") as file:      # and every write may wait
        csv.writer(file).writerows(rows)
        os.fsync(file.fileno())
```

becomes

```python
async def export(rows):
    await asyncio.to_thread(write_csv, "export.csv", rows)
```
""",
    todo="""\
1. Put the whole piece of file work into one function and `await asyncio.to_thread(function, ...)`.
2. What never changes (templates, certificates, settings): read it once at start-up.
3. `aiofiles` and `anyio.Path` do the same with a thread for each call; prefer one hop for many calls.
4. Leave single `os.stat`-like calls on a local disk alone: `unjam check` hides them for that reason.
""",
    costs="""\
A hop to a thread costs about 100 us, as much as some fifty look-ups. The default pool has `min(32, CPUs + 4)` threads, shared with DNS:
many slow file calls make `getaddrinfo` queue (UJ601).
""",
    allow=allowance(
        "UJ102",
        reason="a few bytes on a local disk, once a minute",
        when="Where the file is small, local and rarely touched.",
    ),
    advice=(
        "file-thread",
        "read-once",
        "whole-to-thread",
    ),
)
