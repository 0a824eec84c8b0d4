"""A write that waits for another writer."""

import os
import sqlite3
import tempfile
import threading

from _truth import measured, quiet, run

path = os.path.join(tempfile.mkdtemp(), "test.db")
other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
other.execute("create table rows (value)")
other.execute("begin immediate")


async def main() -> None:
    mine = sqlite3.connect(path, timeout=5, isolation_level=None)
    threading.Timer(0.25, other.execute, ("commit",)).start()
    await quiet()
    with measured():
        mine.execute("insert into rows values (1)")  # expect: UJ106 leaf=sqlite3.Connection.execute grade=exact
    await quiet()


run(main())
