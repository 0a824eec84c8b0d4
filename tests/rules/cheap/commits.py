"""`with connection:` of SQLite commits at its end, which waits for the disk where there is something to commit."""

import sqlite3

from fastapi import FastAPI

app = FastAPI()
db = sqlite3.connect("shop.db")


def rows(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO orders VALUES (1)")  # warning: UJ106 sqlite3.Connection.execute


@app.get("/asks")
async def asks():
    with db:  # clean
        cursor = db.cursor()
        cursor.execute("SELECT * FROM orders")  # warning: UJ106 sqlite3.Cursor.execute


@app.get("/explains")
async def explains():
    with db as connection:  # clean
        connection.execute("explain query plan select 1")  # warning: UJ106 sqlite3.Connection.execute


@app.post("/commits")
async def commits():
    with db as connection:  # clean
        connection.execute("INSERT INTO orders VALUES (1)")  # warning: UJ106 sqlite3.Connection.execute
        connection.commit()


@app.post("/writes")
async def writes():
    with db as connection:  # warning: UJ106 sqlite3.Connection.__exit__
        connection.execute("INSERT INTO orders VALUES (1)")  # warning: UJ106 sqlite3.Connection.execute


@app.post("/commits-within")
async def commits_within():
    with db as connection:  # warning: UJ106 sqlite3.Connection.__exit__
        connection.commit()  # warning: UJ106 sqlite3.Connection.commit
        connection.execute("INSERT INTO orders VALUES (1)")


@app.post("/says-what")
async def says_what(statement: str):
    with db as connection:  # warning: UJ106 sqlite3.Connection.__exit__
        connection.execute(statement)  # warning: UJ106 sqlite3.Connection.execute


@app.post("/hands-on")
async def hands_on():
    with db as connection:  # warning: UJ106 sqlite3.Connection.__exit__
        connection.execute("SELECT 1")  # warning: UJ106 sqlite3.Connection.execute
        rows(connection)
