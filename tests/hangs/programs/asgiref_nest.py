"""Django's one thread waits for a task that waits for that thread."""  # expect: UJ802 inferred

import asyncio
import threading
from concurrent.futures import Future

from asgiref.sync import sync_to_async

DONE = Future()
INSIDE = threading.Event()


def first_view():
    INSIDE.set()
    return DONE.result()  # here


@sync_to_async
def second_view():
    return 1


async def other_request():
    while not INSIDE.is_set():
        await asyncio.sleep(0.01)
    DONE.set_result(await second_view())


async def main():
    await asyncio.gather(sync_to_async(first_view)(), other_request())


asyncio.run(main())
