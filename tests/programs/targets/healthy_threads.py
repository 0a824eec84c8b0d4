"""Threads that sleep, and threads that compute with the GIL released."""

import asyncio
import hashlib
import threading
import time

from _truth import run


async def main() -> None:
    work = (b"password", b"salt", 300_000)
    threads = [
        threading.Thread(target=time.sleep, args=(0.3,)),
        threading.Thread(target=hashlib.pbkdf2_hmac, args=("sha256", *work)),
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        await asyncio.sleep(0.005)


run(main())
