import asyncio
import functools


async def run_blocking(function, *arguments):
    return await asyncio.get_running_loop().run_in_executor(None, functools.partial(function, *arguments))


async def in_pool(function):
    return await run_blocking(function)


def call_now(function):
    return indirectly(function)


def indirectly(function):
    return function()


def threaded(function):
    @functools.wraps(function)
    async def wrapper(*arguments):
        return await asyncio.to_thread(function, *arguments)

    return wrapper
