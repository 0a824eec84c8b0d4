"""UJ106: synchronous database call on the loop."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ106",
    cause="database",
    title="Synchronous database call on the loop",
    one="{culprit} held the loop for {ms} ms in {leaf}: a synchronous database call, so nothing else ran until the database had answered",
    many="synchronous database calls held the loop for {ms} ms in all: {leaf} at {culprit}",
    what="""\
A database driver or ORM without `await` - `sqlite3`, `psycopg`, `pymysql`, `pymongo`, `redis`, synchronous SQLAlchemy, the Django ORM - used in code that
runs on the event loop.
""",
    why="""\
A query takes as long as the server, its locks and the network take. `sqlite3` has no server, but waits for another
writer: up to five seconds by default, before it says `database is locked`.
""",
    looks="""\
```python
async def order(number):
    with Session(engine) as session:
        return session.get(Order, number)
```

becomes

```python
async def order(number):
    async with AsyncSession(engine) as session:
        return await session.get(Order, number)
```
""",
    todo="""\
1. The async side of the same library: `psycopg.AsyncConnection`, `sqlalchemy.ext.asyncio`, `redis.asyncio`, `pymongo.AsyncMongoClient`.
2. SQLite: one thread of its own for whole transactions (`aiosqlite` does that), WAL, short writes.
3. Else each whole transaction in `await asyncio.to_thread(...)`; never one statement a hop.
4. Django: the `a...` methods of the ORM, or `sync_to_async` around the whole function.
""",
    costs="""\
Async sessions and connections belong to one task at a time; lazy loading of attributes fails under async SQLAlchemy, so load what is
needed in the query. Django's `sync_to_async` runs everything in one thread: calls queue behind each other.
""",
    allow=allowance(
        "UJ106",
        reason="settings table, read once at start-up",
        when="Where the query runs once, before the server listens.",
    ),
    advice=(
        "database-async",
        "database-thread",
    ),
)
