"""UJ108: reading the console on the loop."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ108",
    cause="console",
    title="Reading the console on the loop",
    one="{culprit} held the loop for {ms} ms in {leaf}: it waited for somebody to type",
    many="reads of the console held the loop for {ms} ms in all: {leaf} at {culprit}",
    what="""\
`input()`, `sys.stdin.readline()`, `getpass.getpass()` and kin in code that runs on the event loop.
""",
    why="""\
A person takes seconds, a pipe that nobody closes takes for ever. Heartbeats, time-outs and all other tasks wait.
""",
    looks="""\
```python
async def chat(session):
    while line := input("> "):
        await session.send(line)
```

becomes

```python
async def chat(session):
    while line := await asyncio.to_thread(input, "> "):
        await session.send(line)
```
""",
    todo="""\
1. `await asyncio.to_thread(input, prompt)`.
2. Streams of lines: `loop.connect_read_pipe` on `sys.stdin`.
3. A console with editing: `prompt_toolkit`'s `PromptSession.prompt_async`.
""",
    costs="""\
A thread that waits for input cannot be cancelled: at the end the program waits for one more line.
""",
    allow=allowance(
        "UJ108",
        reason="set-up wizard, no server runs yet",
        when="Where the program has nothing else to do than to ask.",
    ),
    advice=("stdin-thread",),
)
