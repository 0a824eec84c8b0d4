"""A service with one stall, one false timeout and one full pool, which answers scrapes until its standard input ends."""

import asyncio
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from prometheus_client import REGISTRY, start_http_server

import unjam
from unjam.integrations import prometheus


async def faults():
    for _ in range(50):
        await asyncio.sleep(0.001)
    time.sleep(0.7)
    await told()
    try:
        async with asyncio.timeout(0.1):
            time.sleep(0.7)
            await asyncio.sleep(60)
    except TimeoutError:
        pass
    loop, gate = asyncio.get_running_loop(), threading.Event()
    with ThreadPoolExecutor(2, thread_name_prefix="narrow") as pool:
        calls = [loop.run_in_executor(pool, gate.wait) for _ in range(5)]
        await asyncio.sleep(0.05)
        gate.set()
        await asyncio.gather(*calls)
        await serve()


async def told():
    """The first stall is counted: whoever thinks about it has been loaded, and does not keep the watchdog from the next one."""
    end = time.monotonic() + 30
    while not REGISTRY.get_sample_value("unjam_stalls_total", {"cause": "sleep"}) and time.monotonic() < end:
        await asyncio.sleep(0.05)


async def serve():
    print("ready", flush=True)
    commands = {"block": lambda: time.sleep(0.12), "hang": lambda: time.sleep(60)}
    while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
        asyncio.get_running_loop().call_soon(commands[line])
        await asyncio.sleep(0)
        print("done", flush=True)


def main():
    server, _ = start_http_server(0, addr="127.0.0.1")
    print(server.server_address[1], flush=True)
    prometheus.install()
    unjam.install(record=False, log=False)
    if sys.argv[1] == "uvloop":
        import uvloop

        uvloop.run(faults())
    else:
        asyncio.run(faults())


main()
