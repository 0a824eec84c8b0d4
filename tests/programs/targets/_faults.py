"""Twelve ways to hold a loop for some 120 ms, each ready to be called from anywhere."""

import fcntl
import hashlib
import json
import queue
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from _servers import slow_http, slow_tcp

HOLD_S = 0.12
ROWS = [{"id": number, "name": f"name-{number}", "price": number / 7, "tags": ["a", "b"]} for number in range(160_000)]
url = slow_http(HOLD_S)
port = slow_tcp(HOLD_S, b"late")
pool = ThreadPoolExecutor()
database = tempfile.mktemp(suffix=".db")
other = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
other.execute("create table rows (value)")  # not on the loop: a slow disk would be a stall that is nobody's expectation


def later(function: Callable[..., object], *args: object) -> None:
    """Call it in a thread after the holding time."""
    threading.Timer(HOLD_S, function, args).start()


def sleep() -> None:
    time.sleep(HOLD_S)  # expect-in matrix: UJ101 leaf=time.sleep count=1


def flock() -> None:
    with tempfile.NamedTemporaryFile() as mine, open(mine.name) as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        later(fcntl.flock, other.fileno(), fcntl.LOCK_UN)
        fcntl.flock(mine, fcntl.LOCK_EX)  # expect-in matrix: UJ102 leaf=fcntl.flock count=1


def receive() -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"hello")
        connection.recv(4)  # expect-in matrix: UJ103 leaf=socket.socket.recv count=1


def fetch() -> None:
    urllib.request.urlopen(url, timeout=5)  # expect-in matrix: UJ104 leaf=urllib.request.urlopen count=1


def write() -> None:
    other.execute("begin immediate")
    mine = sqlite3.connect(database, timeout=5, isolation_level=None)
    later(other.execute, "commit")
    mine.execute("insert into rows values (1)")  # expect-in matrix: UJ106 leaf=sqlite3.Connection.execute count=1


def spawn() -> None:
    subprocess.run(["sleep", str(HOLD_S)], check=True)  # expect-in matrix: UJ107 leaf=subprocess.run count=1


def lock() -> None:
    taken = threading.Lock()
    taken.acquire()
    later(taken.release)
    taken.acquire()  # expect-in matrix: UJ201 count=1


def get() -> None:
    items: queue.Queue[int] = queue.Queue()
    later(items.put, 1)
    items.get()  # expect-in matrix: UJ202 leaf=queue.Queue.get count=1


def result() -> None:
    pool.submit(time.sleep, HOLD_S).result()  # expect-in matrix: UJ203 leaf=concurrent.futures.Future.result count=1


def compute() -> None:
    sum(number * number % 7 for number in range(2_000_000))  # expect-in matrix: UJ301 count=1


def hash_password() -> None:
    hashlib.pbkdf2_hmac("sha256", b"word", b"salt", 600_000)  # expect-in matrix: UJ302 leaf=hashlib.pbkdf2_hmac count=1


def encode() -> None:
    json.dumps(ROWS)  # expect-in matrix: UJ303 leaf=json.dumps count=1


FAULTS = (sleep, flock, receive, fetch, write, spawn, lock, get, result, compute, hash_password, encode)
