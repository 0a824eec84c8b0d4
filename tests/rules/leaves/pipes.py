"""What a child process writes comes when it writes it; each with its twin that has been written."""

import asyncio
import os
import subprocess


async def reads():
    process = subprocess.Popen(["true"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.read()  # error: UJ107 subprocess.Popen.stdout.read
    while True:
        if not process.stdout.readline():  # error: UJ107 subprocess.Popen.stdout.readline
            break
    for _ in process.stderr:  # error: UJ107 subprocess.Popen.stderr.__next__
        pass


class Child:
    """Keeps its process."""

    def __init__(self, process: subprocess.Popen[bytes]):
        self.process = process

    async def asked(self):
        return [line for line in self.process.stdout]  # error: UJ107 subprocess.Popen.stdout.__next__

    async def asked_without_waiting(self):
        os.set_blocking(self.process.stdout.fileno(), False)
        return self.process.stdout.read()  # clean


async def has_ended(process: subprocess.Popen[bytes]):
    while process.poll() is None:
        await asyncio.sleep(0)
    return process.stdout.read()  # clean


async def is_waited_for(process: subprocess.Popen[bytes]):
    process.wait()  # error: UJ107 subprocess.Popen.wait
    return process.stdout.read()  # clean: the wait is told


async def on_the_loop():
    process = await asyncio.create_subprocess_exec("true")
    async for _ in process.stdout:  # clean
        pass
    return await process.stdout.read()  # clean
