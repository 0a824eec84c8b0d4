"""UJ306: a logging handler that blocks."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ306",
    cause="logging",
    title="A logging handler that blocks",
    one="{culprit} held the loop for {ms} ms in {leaf}: a logging handler waited or worked before the call returned",
    many="log calls held the loop for {ms} ms in all: {leaf} at {culprit}",
    what="""\
A call of `logging` on the loop whose handler writes to a slow place: a file on a busy disk, a rotating file, a socket, SMTP, HTTP, a pipe that
nobody reads - or that waits for the handler's lock, which another thread holds meanwhile.
""",
    why="""\
Handlers run in the caller's thread. Rotation renames and opens files; a console whose reader is slow blocks `write`; every
thread that logs takes the same lock.
""",
    looks="""\
```python
logging.getLogger().addHandler(RotatingFileHandler("app.log", maxBytes=10**7, backupCount=5))
```

becomes

```python
records = queue.Queue(10_000)
logging.getLogger().addHandler(QueueHandler(records))
QueueListener(records, RotatingFileHandler("app.log", maxBytes=10**7, backupCount=5)).start()
```
""",
    todo="""\
1. `QueueHandler` on the loop, `QueueListener` with the slow handler in its thread.
2. Log less on hot paths.
3. Write to standard output and let the platform keep it.
""",
    costs="""\
Records in the queue are lost when the process is killed. An unbounded queue grows when the handler is slower than the program.
""",
    allow=allowance(
        "UJ306",
        reason="rotates once a day",
        when="Where the pause is rare and short.",
    ),
    advice=(
        "queue-handler",
        "less-logging",
    ),
)
