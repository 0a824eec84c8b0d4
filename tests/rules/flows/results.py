"""Clients of one maker, results of SQLAlchemy: what was awaited has come with all its rows, what was not is waited for; and what a task is made of."""

import asyncio

from google import genai
from google.cloud import logging, storage
from google.oauth2.credentials import Credentials
from sqlalchemy.engine import Result


async def executed(query) -> Result:
    return query


async def awaited(session, query):
    result: Result = await session.execute(query)
    return result.all()  # clean: its rows have come


async def awaited_at_once(query):
    return (await executed(query)).scalar()  # clean


async def not_awaited(session, query):
    result: Result = session.execute(query)
    return result.all()  # error: UJ106 sqlalchemy.engine.Result.all


async def run_by_the_loop(credentials: Credentials, request):
    await asyncio.ensure_future(credentials.refresh(request))  # clean: it is a coroutine
    credentials.refresh(request)  # error: UJ109 google.oauth2.credentials.Credentials.refresh


async def of_one_maker():
    genai.Client().models.list()  # error: UJ109 google.genai.Client.list
    storage.Client().list_buckets()  # error: UJ109 google.cloud.storage.Client.list_buckets
    storage.Client().bucket("pictures")  # clean
    logging.Client().logger("shop")  # clean: it has the name of another one's client
