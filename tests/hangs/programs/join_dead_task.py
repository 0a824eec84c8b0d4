"""A queue is joined whose consumer has died of an error that nobody read."""  # expect: UJ804 inferred

import asyncio


async def consumer(queue):
    item = await queue.get()
    raise ValueError(item)


async def main():
    queue = asyncio.Queue()
    task = asyncio.create_task(consumer(queue))
    task.add_done_callback(lambda done: done.exception())
    for item in range(2):
        queue.put_nowait(item)
    await queue.join()  # here


asyncio.run(main())
