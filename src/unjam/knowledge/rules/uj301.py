"""UJ301: python code that computes too long in one step."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ301",
    cause="cpu-python",
    title="Python code that computes too long in one step",
    one="{culprit} held the loop for {ms} ms: Python code that computed without an await in {leaf}",
    many="computations in Python held the loop for {ms} ms in all: {leaf} at {culprit}",
    what="""\
A loop, a parse, a template, a validation in pure Python that takes longer than the threshold between two awaits.
""",
    why="""\
The loop cannot interrupt it. In a thread it would still compete for the GIL: the loop would get its turn, but only every 5 ms, each time
the thread is made to give way.
""",
    looks="""\
```python
async def report(rows):
    return [enrich(row) for row in rows]         # 100,000 rows
```

becomes

```python
async def report(rows):
    return await loop.run_in_executor(processes, enrich_all, rows)
```

or, in slices:

```python
async def report(rows):
    done = []
    for batch in batched(rows, 500):
        done += [enrich(row) for row in batch]
        await asyncio.sleep(0)
    return done
```
""",
    todo="""\
1. Do less: find the expensive part with a profiler, compute once, index instead of scanning.
2. Slices of some milliseconds with `await asyncio.sleep(0)` between them.
3. A process pool, made once at start-up.
4. A thread helps the loop only a little, and only because this is bytecode; it helps nobody else.
""",
    costs="""\
Slices take longer in all and show their half-done state to others. A process pool pickles arguments and results and
takes memory for each process.
""",
    allow=allowance(
        "UJ301",
        reason="nightly job, the loop serves nobody",
        when="Where nothing else needs the loop meanwhile.",
    ),
    advice=(
        "better-algorithm",
        "slice-work",
        "process-pool",
    ),
)
