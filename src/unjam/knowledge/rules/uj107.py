"""UJ107: waiting for a child process on the loop."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ107",
    cause="subprocess",
    title="Waiting for a child process on the loop",
    one="{culprit} held the loop for {ms} ms in {leaf}: it waited for another process",
    many="waits for child processes held the loop for {ms} ms in all: {leaf} at {culprit}",
    what="""\
`subprocess.run`, `check_output`, `Popen.wait`, `Popen.communicate`, `os.system`, `os.waitpid` in code that runs on the event loop.
""",
    why="""\
The loop waits until the other program has ended. Even the start alone (`fork` and `exec`) stops it for milliseconds, longer the more
memory the process has.
""",
    looks="""\
```python
async def thumbnail(path):
    subprocess.run(["convert", path, "-resize", "200", path + ".png"], check=True)
```

becomes

```python
async def thumbnail(path):
    process = await asyncio.create_subprocess_exec("convert", path, "-resize", "200", path + ".png")
    if await process.wait() != 0:
        raise RuntimeError(f"convert failed on {path}")
```
""",
    todo="""\
1. `asyncio.create_subprocess_exec` with `await process.communicate()`; `anyio.run_process`.
2. Else `await asyncio.to_thread(subprocess.run, ..., timeout=30)`.
""",
    costs="""\
Up to Python 3.11 the running loop's policy must watch children (the main thread's loop does). No shell: quote nothing, pass a list. In a
thread, the thread is held until the child ends.
""",
    allow=allowance(
        "UJ107",
        reason="git rev-parse at start-up",
        when="Where it runs once, before the server listens.",
    ),
    advice=(
        "process-api",
        "to-thread",
    ),
)
