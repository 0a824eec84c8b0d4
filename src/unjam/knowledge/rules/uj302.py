"""UJ302: native code that computes too long, without the GIL."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ302",
    cause="cpu-native",
    title="Native code that computes too long, without the GIL",
    one="{culprit} held the loop for {ms} ms in {leaf}: native code that computes, but releases the GIL, so that a thread frees the loop",
    many="native computations held the loop for {ms} ms in all: {leaf} at {culprit}",
    what="""\
A C function that computes for long and releases the GIL meanwhile - `hashlib.pbkdf2_hmac`, `zlib.compress`, `bcrypt.hashpw`, most of numpy's
linear algebra, image coding - called on the loop's thread.
""",
    why="""\
The GIL is free, other threads run, but the loop's own thread is inside that call. This is the best case of all: a thread is all it takes.
""",
    looks="""\
```python
async def login(user, password):
    ok = bcrypt.checkpw(password, user.hash)     # 200 ms
```

becomes

```python
async def login(user, password):
    ok = await asyncio.to_thread(bcrypt.checkpw, password, user.hash)
```
""",
    todo="""\
1. `await asyncio.to_thread(function, ...)`.
2. Many at once: a pool of its own, as large as the number of CPUs.
""",
    costs="""\
The default pool is shared with files and DNS: two hundred logins at once make name look-ups queue (UJ601). More threads than CPUs
only take turns.
""",
    allow=allowance(
        "UJ302",
        reason="measured: 3 ms at the size we allow",
        when="Where the input is bounded, so that it stays short.",
    ),
    advice=(
        "native-thread",
        "own-pool",
        "smaller-data",
    ),
)
