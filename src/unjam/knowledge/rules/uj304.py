"""UJ304: a garbage collection pause."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ304",
    cause="gc",
    title="A garbage collection pause",
    one="the garbage collector held the loop for {ms} ms ({leaf}), begun at {culprit}",
    many="garbage collections held the loop for {ms} ms in all ({leaf}), most of it at {culprit}",
    what="""\
CPython's cyclic collector walked all objects of a generation while the loop waited: started by itself after so many allocations, or by
`gc.collect()`.
""",
    why="""\
A collection of the oldest generation visits every container object that is alive: some 100 ms for each million. It keeps the GIL, so that all
threads stand still. What it frees is ended there and then, on whichever thread allocated last: a cursor whose connection a thread is using waits
for that thread (sqlite3 resets the statement under the connection's lock), and the loop with it.
""",
    looks="""\
```python
cache = load_everything()            # 3 million objects that stay for ever
serve()                              # each full collection: 300 ms
```

becomes

```python
cache = load_everything()
gc.collect()
gc.freeze()                          # never walked again
serve()
```
""",
    todo="""\
1. `gc.freeze()` after start-up, when most objects live long.
2. `gc.set_threshold(50_000, 20, 100)`: fewer collections of the oldest generation.
3. An explicit `gc.collect()` in a request: leave it out, or do it at a quiet moment.
4. Where destructors waited: close cursors, connections and files where they were used (`contextlib.closing`, `with`).
5. Fewer objects: arrays, slots, weak references instead of cycles.
""",
    costs="""\
Frozen objects are never collected. Higher thresholds let garbage stay longer: watch the memory.
""",
    allow=allowance(
        "UJ304",
        reason="explicit collection between two batches",
        when="Where a pause at that moment harms nobody.",
    ),
    advice=(
        "gc-freeze",
        "gc-threshold",
        "fewer-cycles",
    ),
)
