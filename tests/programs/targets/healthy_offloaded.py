"""Blocking calls where they belong: in threads."""

import asyncio
import hashlib
import time

from _truth import quiet, run


async def main() -> None:
    await quiet()
    await asyncio.gather(
        asyncio.to_thread(time.sleep, 0.2),
        asyncio.to_thread(hashlib.pbkdf2_hmac, "sha256", b"password", b"salt", 300_000),
    )
    await quiet()


run(main())
