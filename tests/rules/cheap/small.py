"""Local work that costs less than what is won by moving it; each with its twin. The end has the routes to what may be asked for."""

import asyncio
import csv
import glob
import inspect
import io
import json
import shelve
import shutil
import sqlite3
import time
import typing
from pathlib import Path

import httpx
import pymongo
import tiktoken
from fastapi import FastAPI

SETTINGS = "settings.json"
app = FastAPI()


async def one_text(path):
    with open(path) as stream:  # note: UJ102 builtins.open
        return json.load(stream)


async def writes_one_text(path: Path):
    path.write_text("text")  # note: UJ102 pathlib.Path.write_text
    with path.open("w") as stream:  # note: UJ102 pathlib.Path.open
        stream.write("text")


async def bytes_may_be_many(path):
    with open(path, "rb") as stream:  # warning: UJ102 builtins.open
        return stream.read()


async def a_certificate(path, ca_file: Path):
    ca_file.read_bytes()  # note: UJ102 pathlib.Path.read_bytes
    return open(path, "rb").read()  # note: UJ102 _io.BufferedReader.read


@app.get("/certificates")
async def many_certificates(names: list[str]):
    for name in names:
        load_pem(name)


def load_pem(name: str):
    return Path(name).read_bytes()  # note: UJ102 pathlib.Path.read_bytes


async def a_shelf(path, names):
    with shelve.open(path) as shelf:  # warning: UJ106 shelve.open
        for name in names:
            shelf[name] = name  # clean: told where it was opened
    shelf.sync()  # clean


async def a_table(path, rows):
    with open(path, "w") as stream:  # warning: UJ102 builtins.open
        csv.writer(stream).writerows(rows)


async def pieces(path: Path):
    with open(path, "rb") as stream:  # note: UJ102 builtins.open
        header = stream.read(112)
        stream.seek(0)
    with path.open("rb") as stream:  # warning: UJ102 pathlib.Path.open
        while piece := stream.read(65536):
            header += piece
    with path.open("rb") as stream:  # warning: UJ102 pathlib.Path.open
        for piece in iter(lambda: stream.read(65536), b""):
            header += piece
    with open(path, "rb") as stream:  # warning: UJ102 builtins.open
        return [stream.read(4), json.load(stream), header]


async def opens_somehow(path, mode):
    with open(path, mode) as stream:  # warning: UJ102 builtins.open
        return stream.read()


@app.post("/many")
async def many_texts(paths: list[Path]):
    for path in paths:
        path.read_text()  # note: UJ102 pathlib.Path.read_text
    return [path.read_text() for path in paths]  # note: UJ102 pathlib.Path.read_text


@app.post("/helped")
async def many_by_a_helper(paths: list[Path]):
    for path in paths:
        helped(path)


def helped(path: Path):
    return path.read_text()  # note: UJ102 pathlib.Path.read_text


async def many_that_nobody_asks_for(paths: list[Path]):
    for path in paths:
        path.read_text()  # note: UJ102 pathlib.Path.read_text
    path.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


async def copies_for_nobody(path: Path):
    shutil.copyfile(path, "other")  # note: UJ102 shutil.copyfile


async def copies(path: Path, target):
    shutil.copyfile(path, "other")  # warning: UJ102 shutil.copyfile
    with path.open("rb") as source:  # warning: UJ102 pathlib.Path.open
        shutil.copyfileobj(source, target)  # warning: UJ102 shutil.copyfileobj


@app.post("/copies")
async def copies_for_each_request(name: str):
    shutil.copyfile(name, "other")  # warning: UJ102 shutil.copyfile


@app.post("/flushed")
async def a_buffer(stream: io.BufferedWriter, file: typing.BinaryIO, data: bytes):
    stream.write(data)  # warning: UJ102 io.BufferedWriter.write
    stream.flush()  # note: UJ102 io.BufferedWriter.flush
    file.flush()  # note: UJ102 typing.BinaryIO.flush


@app.post("/trees")
async def whole_trees_for_each_request(name: str):
    shutil.rmtree(name)  # warning: UJ102 shutil.rmtree
    shutil.copytree(name, "other")  # warning: UJ102 shutil.copytree
    shutil.unpack_archive(name, "other")  # warning: UJ102 shutil.unpack_archive


@app.get("/texts")
async def many_by_a_coroutine(names: list[str]):
    for name in names:
        await waits_for_nothing(Path(name))


async def waits_for_nothing(path: Path):
    return path.read_text()  # note: UJ102 pathlib.Path.read_text


@app.post("/apart")
async def one_after_the_other(paths: list[Path], queue: asyncio.Queue):
    for path in paths:
        text = path.read_text()  # note: UJ102 pathlib.Path.read_text
        await queue.put(text)
    while True:
        helped_apart(paths[0])
        try:
            await asyncio.sleep(1)
        except TimeoutError:
            for path in paths:
                path.write_text("")  # note: UJ102 pathlib.Path.write_text


def helped_apart(path: Path):
    return path.read_text()  # note: UJ102 pathlib.Path.read_text


@app.post("/until")
async def until_it_can_be_read(path: Path):
    while True:
        try:
            return path.read_text()  # note: UJ102 pathlib.Path.read_text
        except OSError:
            await asyncio.sleep(0)


async def listed() -> list[Path]:
    return []


@app.post("/listed")
async def what_is_awaited_first():
    for path in await listed():
        path.read_text()  # note: UJ102 pathlib.Path.read_text


@app.get("/text")
async def served(name: str):
    return Path(name).read_text()  # note: UJ102 pathlib.Path.read_text


@app.get("/bytes")
async def served_bytes(name: str):
    return Path(name).read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


@app.post("/settings")
async def written_settings():
    with open(SETTINGS, "w") as stream:  # note: UJ102 builtins.open
        stream.write("{}")


async def a_client():
    async with httpx.AsyncClient() as client:  # note: UJ102 httpx.AsyncClient
        return await client.get("http://localhost")


@app.get("/client")
async def a_client_for_each_request():
    async with httpx.AsyncClient() as client:  # note: UJ102 httpx.AsyncClient
        return await client.get("http://localhost")


async def a_client_for_each(urls):
    for url in urls:
        async with httpx.AsyncClient() as client:  # warning: UJ102 httpx.AsyncClient
            await client.get(url)


async def a_client_with_a_context_for_each(urls, ssl_context):
    for url in urls:
        async with httpx.AsyncClient(verify=ssl_context) as client:  # clean
            await client.get(url)


async def one_folder(path: Path):
    list(path.glob("*.png"))  # note: UJ102 pathlib.Path.glob
    list(path.glob(f"{path.name}*.png"))  # note: UJ102 pathlib.Path.glob
    list(path.glob(f"**/{path.name}"))  # warning: UJ102 pathlib.Path.glob
    glob.glob("*.png")  # note: UJ102 glob.glob
    glob.glob("*.png", recursive=False)  # note: UJ102 glob.glob
    glob.glob("**/*.png", recursive=True)  # warning: UJ102 glob.glob
    return list(path.glob("**/*.png"))  # warning: UJ102 pathlib.Path.glob


async def pauses():
    time.sleep(0.001)  # note: UJ101 time.sleep
    time.sleep(0.01)  # warning: UJ101 time.sleep
    time.sleep(0.05)  # error: UJ101 time.sleep


async def close_on_shutdown():
    time.sleep(1)  # note: UJ101 time.sleep


async def before_shutdown():
    time.sleep(1)  # error: UJ101 time.sleep


async def makes_what_is_missing(path: Path):
    if not path.exists():
        path.write_bytes(b"")  # note: UJ102 pathlib.Path.write_bytes
    if path.exists():
        path.write_bytes(b"")  # warning: UJ102 pathlib.Path.write_bytes


class Table:
    """Makes its table, and uses it."""

    async def tables(self, connection: sqlite3.Connection):
        connection.execute("PRAGMA journal_mode=WAL")  # note: UJ106 sqlite3.Connection.execute

    async def rows(self, connection: sqlite3.Connection):
        connection.execute("PRAGMA query_only=ON")  # warning: UJ106 sqlite3.Connection.execute
        return list(connection.execute("SELECT 1"))


async def one_row(path):
    connection = sqlite3.connect(path)  # note: UJ106 sqlite3.connect
    cursor = connection.execute("SELECT a FROM t WHERE b = 1")  # note: UJ106 sqlite3.Connection.execute
    return cursor.fetchone()  # note: UJ106 sqlite3.Cursor.fetchone


async def all_rows(connection: sqlite3.Connection):
    cursor = connection.execute("SELECT a FROM t WHERE b = 1")  # warning: UJ106 sqlite3.Connection.execute
    return cursor.fetchall()  # warning: UJ106 sqlite3.Cursor.fetchall


async def a_whole_table(connection: sqlite3.Connection):
    cursor = connection.execute("SELECT COUNT(*) FROM t")  # warning: UJ106 sqlite3.Connection.execute
    return cursor.fetchone()  # warning: UJ106 sqlite3.Cursor.fetchone


@app.post("/rows")
async def a_row_for_each(connection: sqlite3.Connection, names):
    for name in names:
        cursor = connection.execute("SELECT a FROM t WHERE b = ?", name)  # note: UJ106 sqlite3.Connection.execute
        cursor.fetchone()  # note: UJ106 sqlite3.Cursor.fetchone


async def closes(connection: sqlite3.Connection, source):
    connection.commit()  # warning: UJ106 sqlite3.Connection.commit
    connection.close()  # note: UJ106 sqlite3.Connection.close
    inspect.getsource(source)  # note: UJ102 inspect.getsource


async def databases(client: pymongo.MongoClient):
    client["shop"]  # clean: it makes an object
    client.list_database_names()  # error: UJ106 pymongo.MongoClient.list_database_names


async def encoding():
    return tiktoken.get_encoding("o200k_base")  # note: UJ104 tiktoken.get_encoding


class Service:
    """Begins by itself when it is first asked, over a coroutine of its own."""

    def __init__(self):
        self.ready = False
        self.client = None

    async def ask(self):
        if not self.ready:
            await self.load()
            self.ready = True
        if self.client is None:
            await self.begin()
            await self.begin_logging()
        self.refreshed()

    async def load(self):
        Path("model").read_bytes()  # note: UJ102 pathlib.Path.read_bytes

    async def begin(self):
        Path("client").read_bytes()  # note: UJ102 pathlib.Path.read_bytes

    async def begin_logging(self):
        return self.client

    def refreshed(self):
        return Path("news").read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


class Listened:
    """As above, but the coroutine is also handed to somebody who may call it as often as he likes."""

    def __init__(self, bus):
        self.client = None
        bus.listen(self.begin)

    async def ask(self):
        if self.client is None:
            await self.begin()

    async def begin(self):
        self.client = httpx.get("http://localhost")  # error: UJ104 httpx.get


async def asks_once():
    return input("Name? ")  # note: UJ108 builtins.input


async def asks_again_and_again():
    while True:
        input("> ")  # error: UJ108 builtins.input


def serve():
    app.add_api_route("/bytes", bytes_may_be_many)
    app.add_api_route("/clients", a_client_for_each)
    app.add_api_route("/closes", closes)
    app.add_api_route("/commands", asks_again_and_again)
    app.add_api_route("/copies", copies)
    app.add_api_route("/databases", databases)
    app.add_api_route("/folder", one_folder)
    app.add_api_route("/missing", makes_what_is_missing)
    app.add_api_route("/pauses", pauses)
    app.add_api_route("/pieces", pieces)
    app.add_api_route("/rows", Table.rows)
    app.add_api_route("/rows-of-all", all_rows)
    app.add_api_route("/service", Service.ask)
    app.add_api_route("/shelf", a_shelf)
    app.add_api_route("/shutdown", before_shutdown)
    app.add_api_route("/somehow", opens_somehow)
    app.add_api_route("/table", a_whole_table)
    app.add_api_route("/texts", many_that_nobody_asks_for)
    app.add_api_route("/to-a-table", a_table)
    return [Listened.ask]
