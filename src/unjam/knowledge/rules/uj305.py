"""UJ305: an import on the loop."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ305",
    cause="import",
    title="An import on the loop",
    one="{culprit} held the loop for {ms} ms: {leaf} ran for the first time here, on the loop",
    many="imports held the loop for {ms} ms in all: {leaf} at {culprit}",
    what="""\
An `import` statement or `importlib.import_module` that loads a module for the first time in code that runs on the event loop; also libraries that import
lazily inside their functions.
""",
    why="""\
It searches the path, reads files, executes the module and all that it imports: 50 ms to seconds for the big ones. It happens once - in
the first request after each deployment, in each worker.
""",
    looks="""\
```python
async def export(rows):
    import pandas                    # 600 ms, in the first request of each worker
    return pandas.DataFrame(rows).to_csv()
```

becomes

```python
import pandas

async def export(rows):
    return pandas.DataFrame(rows).to_csv()
```
""",
    todo="""\
1. Import at the top of the module.
2. If start-up must stay quick: import in the lifespan or start-up hook, before the server listens.
3. Optional and rarely used: `await asyncio.to_thread(importlib.import_module, name)` before the first use.
""",
    costs="""\
Start-up takes longer. In a thread an import still keeps the GIL for much of its time.
""",
    allow=allowance(
        "UJ305",
        reason="optional feature, first use only",
        when="Where it happens once and that once is acceptable.",
    ),
    advice=(
        "import-early",
        "import-thread",
    ),
)
