"""UJ303: native code that computes too long and keeps the GIL."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ303",
    cause="cpu-native-gil",
    title="Native code that computes too long and keeps the GIL",
    one="{culprit} held the loop for {ms} ms in {leaf}: native code that keeps the GIL, so a thread would stop the loop just the same",
    many="native computations under the GIL held the loop for {ms} ms in all: {leaf} at {culprit}",
    what="""\
A C function that works on Python objects and keeps the GIL until it is done - `json.dumps`, `json.loads`, `re`, `sorted`, `pickle`, `copy`, big
integers, many parsers - called with much data.
""",
    why="""\
Neither the loop nor any other Python thread runs meanwhile. **A thread does not help**: the call takes the GIL along and
the loop cannot even look at its sockets. Only less data, slices or another process do.
""",
    looks="""\
```python
async def report():
    return Response(json.dumps(rows))            # 40 MB: 700 ms
```

becomes

```python
async def report():
    return StreamingResponse(json.dumps(row) + "\\n" for row in rows)    # a row at a time
```

or

```python
    return Response(await loop.run_in_executor(processes, encode_report, report_id))
```
""",
    todo="""\
1. Less data: pages, streams, a cache of the encoded result, a limit on input.
2. A faster library (`orjson`, `msgspec`, google-re2): the same hold, some five to ten times shorter.
3. A process pool; let the process load the data itself, so that only the result is pickled.
""",
    costs="""\
Pickling keeps the GIL as well: sending 40 MB to a process may hold the loop as long as the work did.
""",
    allow=allowance(
        "UJ303",
        reason="size is bounded to 100 kB by the route",
        when="Where the input is bounded, so that it stays short.",
    ),
    advice=(
        "smaller-data",
        "process-pool",
        "slice-work",
    ),
)
