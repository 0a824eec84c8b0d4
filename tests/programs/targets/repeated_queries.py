"""Two hundred small queries in one step."""

import sqlite3

from _truth import measured, quiet, run

# serial: what computes is judged alone
# The twin cannot tell one call from the next: there it is told as one.

QUERY = "select count(*) from rows where value > ?"
database = sqlite3.connect(":memory:")
database.execute("create table rows (value)")
database.executemany("insert into rows values (?)", ((number,) for number in range(20_000)))


async def main() -> None:
    await quiet()
    with measured():
        for number in range(200):
            # expect-next: UJ106 leaf=sqlite3.Connection.execute only=python
            database.execute(QUERY, (number,)).fetchone()  # expect: UJ403 grade=exact count=1 only=native
    await quiet()


run(main())
