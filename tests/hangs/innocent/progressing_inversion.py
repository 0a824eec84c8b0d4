"""Two threads take two locks in both orders, but only one at a time: slow, never stuck."""

import asyncio
import threading
import time

ONE, TWO, GATE = threading.Lock(), threading.Lock(), threading.Lock()


def work(first, second):
    while True:
        with GATE, first, second:
            time.sleep(0.005)


async def main():
    for pair in ((ONE, TWO), (TWO, ONE)):
        threading.Thread(target=work, args=pair, daemon=True).start()
    await asyncio.sleep(80)


asyncio.run(main())
