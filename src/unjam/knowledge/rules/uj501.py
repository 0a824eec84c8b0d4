"""UJ501: another thread kept the GIL."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ501",
    cause="gil",
    title="Another thread kept the GIL",
    one="the loop stood ready for {ms} ms, but thread {thread} held the GIL at {culprit} in {leaf}: the loop's own code is not to blame",
    many="waits for the GIL, {ms} ms in all: thread {thread} held it at {culprit} in {leaf}",
    what="""\
The loop's thread wanted to run and could not, since another thread held Python's global interpreter lock: bytecode in a busy thread, or a native
call there that does not release it.
""",
    why="""\
Python runs one thread at a time. A thread in bytecode gives way after 5 ms, then takes the lock again; with several of them the
loop waits for each. A native call that keeps the GIL gives way only at its end. Tools that look at the loop's own stack blame the line that
happened to wait.
""",
    looks="""\
```python
await asyncio.to_thread(re.findall, pattern, text)       # off the loop, but not off the GIL
```

becomes

```python
await loop.run_in_executor(processes, find_all, pattern, text)
```
""",
    todo="""\
1. Move that thread's work to a process.
2. A library that releases the GIL, or less data at a time.
3. Bytecode only: `time.sleep(0)` between slices, or a shorter `sys.setswitchinterval`.
""",
    costs="""\
Processes take memory, and what is passed is pickled. A shorter switch interval costs throughput in all threads.
""",
    allow=allowance(
        "UJ501",
        reason="warm-up thread, first minute only",
        when="Where the thread runs at a time when nobody waits.",
    ),
    advice=(
        "hog-process",
        "hog-slices",
    ),
)
