"""Orders in SQLite. Every function blocks: file I/O, and a writer waits for the other writer."""

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TypeAlias

from shop.settings import SETTINGS

Order: TypeAlias = tuple[int, str, int, float, str, str]
"""Number, item, count, price, customer, city."""

HISTORY = 40_000
"""Orders at the start: a report over them is some megabytes of JSON."""
BUSY_S = 5.0
"""How long a writer waits for the other one."""
RESTOCK_S = 0.15
"""How long the restocking transaction stays open."""


@contextmanager
def connected() -> Iterator[sqlite3.Connection]:
    """Open a connection in autocommit mode."""
    with closing(sqlite3.connect(SETTINGS.database, timeout=BUSY_S, isolation_level=None)) as connection:
        yield connection


def create() -> None:
    """Make a new database with a history of orders."""
    SETTINGS.database.unlink(missing_ok=True)
    dice = random.Random(1)
    rows = [
        (f"item-{dice.randrange(200)}", dice.randrange(1, 9), dice.random() * 100, f"customer-{n}", "Utrecht")
        for n in range(HISTORY)
    ]
    with connected() as connection:
        connection.execute("create table orders (id integer primary key, item, count, price, customer, city)")
        connection.execute("create table stock (item primary key, left)")
        connection.execute("begin")
        connection.executemany("insert into orders (item, count, price, customer, city) values (?, ?, ?, ?, ?)", rows)
        connection.execute("commit")


def add_order(item: str, count: int, customer: str) -> int:
    """Write one order; returns its number."""
    with connected() as connection:
        row = (item, count, 1.0, customer, "Utrecht")
        statement = "insert into orders (item, count, price, customer, city) values (?, ?, ?, ?, ?)"
        return int(connection.execute(statement, row).lastrowid or 0)


def history() -> list[Order]:
    """Read the orders of the start."""
    with connected() as connection:
        return list(connection.execute("select id, item, count, price, customer, city from orders limit ?", (HISTORY,)))


def restock() -> None:
    """Write the stock in one transaction that takes its time: other writers wait."""
    with connected() as connection:
        connection.execute("begin immediate")
        for item in range(200):
            connection.execute("insert or replace into stock values (?, ?)", (f"item-{item}", 100))
        time.sleep(RESTOCK_S)
        connection.execute("commit")
