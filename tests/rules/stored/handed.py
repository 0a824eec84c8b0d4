"""Callables of libraries that are handed to a function which calls them; each with its innocent twin."""

import asyncio
import time
from functools import partial
from typing import Any

from elasticsearch import AsyncElasticsearch, Elasticsearch


def attempt(action: Any, *words):
    for _ in range(3):
        return action(*words)


def deeper(action, *words):
    return attempt(action, *words)


async def attempt_async(action, *words):
    return await action(*words)


async def attempt_elsewhere(action, *words):
    return await asyncio.to_thread(action, *words)


def kept(action):
    return [action]


def make() -> Any:
    return Elasticsearch()


def make_async() -> Any:
    return AsyncElasticsearch()


async def handler(client: Elasticsearch, other: AsyncElasticsearch):
    attempt(time.sleep, 1)  # error: UJ101 time.sleep
    deeper(partial(time.sleep, 2))  # error: UJ101 time.sleep
    attempt(client.search, "x")  # error: UJ106 elasticsearch.Elasticsearch.search
    attempt(action=make().search)  # error: UJ106 elasticsearch.Elasticsearch.search
    kept(time.sleep)  # clean: nobody calls it
    await attempt_async(other.search, "x")  # clean
    await attempt_async(make_async().search, "x")  # clean
    await attempt_async(client.search, "x")  # clean: what is awaited is a coroutine function
    await attempt_elsewhere(time.sleep, 3)  # clean: in a thread
    await asyncio.to_thread(attempt, time.sleep, 4)  # clean: in a thread
