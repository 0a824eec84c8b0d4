"""UJ301 to UJ303: what computes, suspected; known by the name that people write, wherever it is defined."""

import hashlib
import json


async def hashes(password: bytes):
    return hashlib.pbkdf2_hmac("sha256", password, b"salt", 250_000)  # note: UJ302 hashlib.pbkdf2_hmac


async def encodes(rows: list):
    return json.dumps(rows)  # note: UJ303 json.dumps


def off_the_loop(rows: list):
    return json.dumps(rows)  # clean: nothing on the loop calls it
