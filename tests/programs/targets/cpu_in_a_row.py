# loops: asyncio
"""Computations one after another: each begins while what the one before left to be told is told, in threads that want the GIL as well."""

import asyncio
import hashlib
import json
from collections.abc import Callable

from _truth import quiet, run

ROWS = [{"id": number, "name": f"name-{number}", "price": number / 7} for number in range(160_000)]

# serial: what computes is judged alone


def compute() -> None:
    sum(number * number % 7 for number in range(2_000_000))  # expect: UJ301 count=3


def hash_password() -> None:
    hashlib.pbkdf2_hmac("sha256", b"word", b"salt", 600_000)  # expect: UJ302 leaf=hashlib.pbkdf2_hmac count=3


def encode() -> None:
    json.dumps(ROWS)  # expect: UJ303 leaf=json.dumps count=3


async def main() -> None:
    work: list[Callable[[], None]] = [compute, hash_password, encode]
    for function in 3 * work:
        await quiet()
        asyncio.get_running_loop().call_soon(function)
    await quiet()


run(main())
