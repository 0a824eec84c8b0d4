"""Waits that are over before they begin, by an argument or by what was done before; each with its twin that waits."""

import asyncio
import os
import select
import socket
import subprocess
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait


async def looks_for_a_child(pid: int):
    os.waitpid(pid, os.WNOHANG)  # clean
    os.waitpid(-1, os.WNOHANG | os.WUNTRACED)  # clean
    os.waitpid(pid, os.WUNTRACED)  # error: UJ107 os.waitpid


async def reads_an_address(address: str):
    socket.getaddrinfo(address, 80, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV)  # clean
    socket.getaddrinfo(address, 80, flags=socket.AI_NUMERICSERV)  # error: UJ105 socket.getaddrinfo


async def looks_at_sockets(connections: list[socket.socket], futures: list[Future[int]]):
    select.select(connections, [], [], 0)  # clean
    select.select(connections, [], [], 1)  # error: UJ103 select.select
    wait(futures, 0)  # clean
    wait(futures, 1)  # error: UJ203 concurrent.futures.wait


async def has_no_time_to_wait(address: tuple[str, int]):
    without_time = socket.socket()
    without_time.settimeout(0)
    without_time.connect(address)  # clean
    with_time = socket.socket()
    with_time.settimeout(5)
    with_time.connect(address)  # error: UJ103 socket.socket.connect


async def waits_after_all(address: tuple[str, int]):
    told_both = socket.socket()
    told_both.setblocking(False)
    told_both.connect(address)  # clean
    told_both.setblocking(True)
    told_both.recv(1)  # error: UJ103 socket.socket.recv


async def awaited_before(future: Future[int]):
    await asyncio.wrap_future(future)
    return future.result()  # clean


async def awaited_by_some(future: Future[int], is_slow: bool):
    if is_slow:
        await asyncio.wrap_future(future)
    return future.result()  # error: UJ203 concurrent.futures.Future.result


async def awaited_was_another(future: Future[int], work):
    await asyncio.wrap_future(future)
    future = work.submit()
    return future.result()  # error: UJ203 concurrent.futures.Future.result


async def awaited_as_long_as_nothing_fails(future: Future[int]):
    try:
        await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        pass
    return future.result()  # error: UJ203 concurrent.futures.Future.result


async def polls_until_it_ends():
    process = subprocess.Popen(["true"])
    while process.poll() is None:
        await asyncio.sleep(0.1)
    return process.wait()  # clean


async def polls_for_some_time():
    process = subprocess.Popen(["true"])
    while process.poll() is None:
        if time.monotonic() > 10:
            break
        await asyncio.sleep(0.1)
    return process.wait()  # error: UJ107 subprocess.Popen.wait


async def has_ended(process: subprocess.Popen[bytes], thread: threading.Thread):
    if process.poll() is not None:
        process.wait()  # clean
    elif process.returncode is not None and process.pid:
        process.wait()  # clean
    if thread.is_alive():
        return thread.join()  # error: UJ203 threading.Thread.join
    return thread.join()  # clean


async def polls_one_and_waits_for_another(process: subprocess.Popen[bytes], other: subprocess.Popen[bytes]):
    if process.poll() is not None:
        other.wait()  # error: UJ107 subprocess.Popen.wait


async def leaves_a_pool_without_work(loop: asyncio.AbstractEventLoop):
    with ThreadPoolExecutor() as pool:  # note: UJ203 concurrent.futures.ThreadPoolExecutor.__exit__
        await loop.run_in_executor(pool, print)
        future = pool.submit(print)
        await asyncio.wrap_future(future)
        await asyncio.gather(*(loop.run_in_executor(pool, print) for _ in "ab"))


async def leaves_a_pool_with_work(loop: asyncio.AbstractEventLoop):
    with ThreadPoolExecutor() as pool:  # error: UJ203 concurrent.futures.ThreadPoolExecutor.__exit__
        await loop.run_in_executor(pool, print)
        pool.submit(print)
    with ThreadPoolExecutor() as hurried:  # error: UJ203 concurrent.futures.ThreadPoolExecutor.__exit__
        await asyncio.wait_for(loop.run_in_executor(hurried, print), 1)
