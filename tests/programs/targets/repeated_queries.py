"""Two hundred small queries in one step."""

import sqlite3

from _truth import measured, quiet, run

# serial: what computes is judged alone
# missed: everywhere - each sample meets the same call, which looks like one long one

database = sqlite3.connect(":memory:")
database.execute("create table rows (value)")
database.executemany("insert into rows values (?)", ((number,) for number in range(20_000)))


async def main() -> None:
    await quiet()
    with measured():
        for number in range(200):
            database.execute("select count(*) from rows where value > ?", (number,)).fetchone()  # expect: UJ403
    await quiet()


run(main())
