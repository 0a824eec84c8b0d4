"""What blocks for less than a hop to a thread takes, once, or not at all: notes, or nothing."""

import os
from pathlib import Path

import feedparser
import redis.asyncio as redis
from redis import Redis


async def changes_an_entry(path: Path):
    os.remove(path)  # note: UJ102 os.remove
    path.rename("other")  # note: UJ102 pathlib.Path.rename


async def setup(bot):
    return Path("tags").read_text()  # note: UJ102 pathlib.Path.read_text


class Command:
    """A method of that name is no start-up."""

    async def setup(self):
        return Path("tags").read_text()  # warning: UJ102 pathlib.Path.read_text


async def feeds(response, url):
    feedparser.parse(await response.text())  # clean: it is here already
    feedparser.parse(response.content)  # clean
    feedparser.parse(url)  # error: UJ104 feedparser.parse


class Keys:
    """Has clients of both kinds, whose classes have one name."""

    def __init__(self):
        self.client = redis.Redis()
        self.sync_client = Redis()

    async def find(self, pattern):
        self.client.pipeline().set("a", 1)  # clean: of the asynchronous client
        return [key async for key in self.client.scan_iter(pattern)]  # clean

    async def find_waiting(self):
        return self.sync_client.get("key")  # error: UJ106 redis.Redis.get
