"""Coroutines that frameworks take in, by call, by decorator, by class or by a table; each does local work, a note where nobody is served by it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import grpc
import nonebot
import slack_bolt.async_app
import telegram.ext
import websockets
from aiohttp import web
from fastapi import FastAPI
from nicegui import app as pages
from starlette.routing import Route

FILE = Path("file")
api = FastAPI()
bot = slack_bolt.async_app.AsyncApp()
driver = nonebot.get_driver()


async def connected(reader, writer):
    FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


async def socket(connection):
    FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


async def listed(request):
    FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


async def added(request):
    FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


async def endpoint(request):
    FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


def endpoint_in_a_thread(request):
    FILE.read_bytes()  # clean: Starlette runs plain endpoints in a thread


async def command(update, context):
    FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


async def nobody(update, context):
    FILE.read_bytes()  # note: UJ102 pathlib.Path.read_bytes


async def begun():
    FILE.read_bytes()  # note: UJ102 pathlib.Path.read_bytes


@driver.on_startup
async def loaded():
    FILE.read_bytes()  # note: UJ102 pathlib.Path.read_bytes


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
    FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


class Shop(grpc.aio.GenericRpcHandler):
    """Fills in what somebody else calls."""

    async def Buy(self, request, context):  # noqa: N802  named by the service
        FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


class Records(Exception):
    """Fills in nothing that would call its coroutines."""

    async def bought(self):
        FILE.read_bytes()  # note: UJ102 pathlib.Path.read_bytes


def register(function: Callable) -> Callable:
    return function


def traced(function: Callable) -> Callable:
    return function


@register
async def registered():
    FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


@traced
async def plain():
    FILE.read_bytes()  # note: UJ102 pathlib.Path.read_bytes


async def kept():
    FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


HANDLERS = {"kept": kept}


class Plugin:
    """Is found by its name and called by its class."""

    async def answer(self):
        FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes

    async def explain(self):
        FILE.read_bytes()  # note: UJ102 pathlib.Path.read_bytes


@api.get("/answer")
async def answered(name: str, plugins):
    return await plugins[name].answer()
