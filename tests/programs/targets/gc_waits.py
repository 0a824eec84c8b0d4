"""A collection that frees a cursor whose connection a thread is using: sqlite3 resets the statement under the connection's lock."""

import gc
import sqlite3
import threading
import time

from _truth import measured, quiet, run


class Page:
    """Rows that are read later, in a cycle with itself."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.rows = connection.execute("VALUES (1), (2)")
        self.itself = self


async def main() -> None:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    busy = threading.Event()
    connection.create_function("nap", 0, lambda: busy.set() or time.sleep(0.3))
    Page(connection)
    await quiet()
    user = threading.Thread(target=lambda: connection.execute("SELECT nap()").fetchone())
    user.start()
    busy.wait()
    with measured():
        gc.collect()  # expect: UJ304 leaf=gc.collect says=waited required=native|asyncio
    user.join()
    await quiet()


gc.disable()
run(main())
