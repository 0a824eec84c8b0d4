"""What known constructors and methods return: just enough to name a method of a C type, which has no frame of its own."""

from __future__ import annotations

RETURNS: dict[str, str] = {
    "concurrent.futures.ProcessPoolExecutor.submit": "concurrent.futures.Future",
    "concurrent.futures.ThreadPoolExecutor.submit": "concurrent.futures.Future",
    "asyncio.run_coroutine_threadsafe": "concurrent.futures.Future",
    "hashlib.new": "_hashlib.HASH",
    **dict.fromkeys(
        (f"hashlib.{name}" for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")), "_hashlib.HASH"
    ),
    "http.client.HTTPConnection.getresponse": "http.client.HTTPResponse",
    "multiprocessing.Pipe": "multiprocessing.connection.Connection",
    "MySQLdb.connect": "MySQLdb.connections.Connection",
    "MySQLdb.connections.Connection.cursor": "MySQLdb.cursors.BaseCursor",
    "os.popen": "os._wrap_close",
    "psycopg.connect": "psycopg.Connection",
    "psycopg.Connection.connect": "psycopg.Connection",
    "psycopg.Connection.cursor": "psycopg.Cursor",
    "psycopg.Connection.execute": "psycopg.Cursor",
    "psycopg2.connect": "psycopg2.extensions.connection",
    "psycopg2.extensions.connection.cursor": "psycopg2.extensions.cursor",
    "re.compile": "re.Pattern",
    "socket.create_connection": "socket.socket",
    "socket.create_server": "socket.socket",
    "socket.socket": "socket.socket",
    "sqlite3.connect": "sqlite3.Connection",
    "sqlite3.Connection.cursor": "sqlite3.Cursor",
    "sqlite3.Connection.execute": "sqlite3.Cursor",
    "sqlite3.Connection.executemany": "sqlite3.Cursor",
    "sqlite3.Cursor.execute": "sqlite3.Cursor",
    "ssl.create_default_context": "ssl.SSLContext",
    "zlib.compressobj": "zlib.Compress",
    "zlib.decompressobj": "zlib.Decompress",
}
"""Qualified type by the qualified call that makes it. A call of a class by its own name needs no entry."""

SYNCHRONOUS_DATABASE_METHODS = frozenset(
    {
        *("execute", "executemany", "executescript", "callproc", "fetchone", "fetchmany", "fetchall"),
        *("commit", "rollback", "copy_expert", "copy_from", "copy_to"),
    }
)
"""Methods of DB-API connections and cursors (PEP 249): a native method of that name that waits or works is a database's."""

OPENING = frozenset({"builtins.open", "io.open"})
"""What opens a file of the type that its mode says."""


def file_type(mode: str) -> str:
    """The type of a file opened in that mode (Lib/_pyio.py, open)."""
    if "b" not in mode:
        return "io.TextIOWrapper"
    return "io.BufferedRandom" if "+" in mode else "io.BufferedReader" if "r" in mode else "io.BufferedWriter"
