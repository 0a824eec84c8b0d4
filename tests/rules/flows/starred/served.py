"""Asks for what two `import *` give."""

from flows.starred import Parser


async def parses(text):
    return await Parser().parse(text)
