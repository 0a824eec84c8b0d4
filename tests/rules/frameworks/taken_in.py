"""Coroutines that frameworks take in, by call, by decorator, by class or by a table; each waits, which is a note where nobody is served by it."""

import asyncio
import time
from collections.abc import Callable

import grpc
import nonebot
import slack_bolt.async_app
import telegram.ext
import websockets
from aiohttp import web
from fastapi import FastAPI
from nicegui import app as pages
from starlette.routing import Route

api = FastAPI()
bot = slack_bolt.async_app.AsyncApp()
driver = nonebot.get_driver()


async def connected(reader, writer):
    time.sleep(1)  # error: UJ101 time.sleep


async def socket(connection):
    time.sleep(1)  # error: UJ101 time.sleep


async def listed(request):
    time.sleep(1)  # error: UJ101 time.sleep


async def added(request):
    time.sleep(1)  # error: UJ101 time.sleep


async def endpoint(request):
    time.sleep(1)  # error: UJ101 time.sleep


def endpoint_in_a_thread(request):
    time.sleep(1)  # clean: Starlette runs plain endpoints in a thread


async def command(update, context):
    time.sleep(1)  # error: UJ101 time.sleep


async def nobody(update, context):
    time.sleep(1)  # note: UJ101 time.sleep


async def begun():
    time.sleep(1)  # note: UJ101 time.sleep


@driver.on_startup
async def loaded():
    time.sleep(1)  # note: UJ101 time.sleep


async def serve():
    await asyncio.start_server(connected, port=8000)
    await websockets.serve(socket, port=8001)
    site = web.Application()
    site.add_routes([web.get("/listed", listed)])
    site.router.add_get("/added", added)
    pages.on_startup(begun)
    telegram.ext.CommandHandler("command", command)
    return [Route("/endpoint", endpoint), Route("/thread", endpoint_in_a_thread)]


@bot.event("message")
async def told(event):
    time.sleep(1)  # error: UJ101 time.sleep


class Shop(grpc.aio.GenericRpcHandler):
    """Fills in what somebody else calls."""

    async def Buy(self, request, context):  # noqa: N802  named by the service
        time.sleep(1)  # error: UJ101 time.sleep


class Records(Exception):
    """Fills in nothing that would call its coroutines."""

    async def bought(self):
        time.sleep(1)  # note: UJ101 time.sleep


def register(function: Callable) -> Callable:
    return function


def traced(function: Callable) -> Callable:
    return function


@register
async def registered():
    time.sleep(1)  # error: UJ101 time.sleep


@traced
async def plain():
    time.sleep(1)  # note: UJ101 time.sleep


async def kept():
    time.sleep(1)  # error: UJ101 time.sleep


HANDLERS = {"kept": kept}


class Plugin:
    """Is found by its name and called by its class."""

    async def answer(self):
        time.sleep(1)  # error: UJ101 time.sleep

    async def explain(self):
        time.sleep(1)  # note: UJ101 time.sleep


@api.get("/answer")
async def answered(name: str, plugins):
    return await plugins[name].answer()
