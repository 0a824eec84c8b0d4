"""A computation in C that releases the GIL."""

import hashlib

from _truth import measured, quiet, run

# serial: what computes is judged alone


async def main() -> None:
    await quiet()
    with measured():
        hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 800_000)  # expect: UJ302 leaf=hashlib.pbkdf2_hmac
    await quiet()


run(main())
