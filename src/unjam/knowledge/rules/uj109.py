"""UJ109: synchronous SDK call on the loop."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ109",
    cause="sdk",
    title="Synchronous SDK call on the loop",
    one="{culprit} held the loop for {ms} ms in {leaf}: a vendor's synchronous client, so nothing else ran until its service had answered",
    many="synchronous SDK calls held the loop for {ms} ms in all: {leaf} at {culprit}",
    what="""\
The synchronous client of a service - `boto3`, `openai.OpenAI`, `anthropic.Anthropic`, `stripe`, `google.cloud`, `slack_sdk.WebClient` - used in code that
runs on the event loop.
""",
    why="""\
It is HTTP below, with retries and pauses of its own: a model takes tens of seconds to answer, an outage multiplies that by the number of
tries. Making the client may block as well: `boto3.client` reads its service models from disk.
""",
    looks="""\
```python
client = openai.OpenAI()

async def answer(question):
    return client.responses.create(model=MODEL, input=question)
```

becomes

```python
client = openai.AsyncOpenAI()

async def answer(question):
    return await client.responses.create(model=MODEL, input=question)
```
""",
    todo="""\
1. The vendor's own async client, where there is one; make it once.
2. A third-party one (`aioboto3`, `gcloud-aio-*`): check that its constructors do not block, either.
3. Else `await asyncio.to_thread(client.method, ...)`, with time-outs and few retries.
""",
    costs="""\
A call of 20 s in a thread holds one of a few threads for 20 s. For slow services give them a pool of their own, so that short calls
never queue behind them.
""",
    allow=allowance(
        "UJ109",
        reason="one call at start-up",
        when="Where it runs once, before the server listens.",
    ),
    advice=(
        "async-client",
        "own-pool",
        "to-thread",
    ),
)
