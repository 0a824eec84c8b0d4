"""Two threads take two locks in opposite orders; the loop joins them."""  # expect: UJ801 exact

import asyncio
import threading

ACCOUNTS = threading.Lock()
ORDERS = threading.Lock()
TOGETHER = threading.Barrier(2)


def pay():
    with ACCOUNTS:
        TOGETHER.wait()
        with ORDERS:  # here
            pass


def ship():
    with ORDERS:
        TOGETHER.wait()
        with ACCOUNTS:  # here
            pass


async def main():
    threads = [threading.Thread(target=pay), threading.Thread(target=ship)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


asyncio.run(main())
