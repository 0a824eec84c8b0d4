"""Two hundred small queries, each in a turn of its own."""

import asyncio
import sqlite3

from _truth import run

database = sqlite3.connect(":memory:")
database.execute("create table rows (value)")
database.executemany("insert into rows values (?)", ((number,) for number in range(2_000)))


async def main() -> None:
    for number in range(200):
        database.execute("select count(*) from rows where value > ?", (number,)).fetchone()
        await asyncio.sleep(0)


run(main())
