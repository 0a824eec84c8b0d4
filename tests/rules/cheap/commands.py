"""Commands of a console that are registered by a call: beside them nobody is served, unless what they call serves too."""

import asyncio
import time
from pathlib import Path

import click
import cyclopts

app = cyclopts.App()


async def listing():
    time.sleep(1)  # note: UJ101 time.sleep
    return await found()


async def found():
    return Path("found").read_bytes()  # note: UJ102 pathlib.Path.read_bytes


async def watching():
    while True:
        await looked()


async def looked():
    time.sleep(1)  # error: UJ101 time.sleep


async def run_by_a_command():
    time.sleep(1)  # note: UJ101 time.sleep


@click.command()
def command():
    asyncio.run(run_by_a_command())


async def no_command():
    time.sleep(1)  # error: UJ101 time.sleep


app.command(listing)
app.command(watching, name="watch")
