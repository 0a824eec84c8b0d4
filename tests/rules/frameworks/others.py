"""Frameworks that need not be installed: their names and the shape of the code say enough."""

import time

import aiogram
import anyio.from_thread
import discord
import litestar
import litestar.di
import sanic
import socketio
import telegram.ext
import tornado.ioloop
import tornado.web
import tornado.websocket
from aiohttp import web as aiohttp_web
from discord.ext import commands
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval
from mcp.server.fastmcp import FastMCP
from quart import Quart

routes = aiohttp_web.RouteTableDef()
site = sanic.Sanic("site")
quart = Quart(__name__)
mcp = FastMCP("tools")
router = aiogram.Router()


@routes.get("/aiohttp")
async def aiohttp_handler(request):
    time.sleep(1)  # error: UJ101 time.sleep


@site.get("/sanic")
def sanic_handler(request):
    time.sleep(1)  # error: UJ101 time.sleep


@quart.route("/quart")
def quart_handler():
    time.sleep(1)  # clean: Quart runs plain views in a thread


@litestar.get("/litestar", sync_to_thread=True)
def litestar_in_thread():
    time.sleep(1)  # clean


@litestar.get("/litestar")
def litestar_handler():
    time.sleep(1)  # error: UJ101 time.sleep


class Page(tornado.web.RequestHandler):
    def get(self):
        time.sleep(1)  # error: UJ101 time.sleep

    def helper(self):
        time.sleep(1)  # clean


@mcp.tool()
def tool():
    time.sleep(1)  # error: UJ101 time.sleep


@router.message()
def aiogram_handler(message):
    time.sleep(1)  # clean: aiogram runs plain handlers in a thread


@site.on_request
def sanic_middleware(request):
    time.sleep(1)  # error: UJ101 time.sleep


@site.before_server_start
def sanic_listener(app):
    time.sleep(1)  # note: UJ101 time.sleep


def sanic_added(request):
    time.sleep(1)  # error: UJ101 time.sleep


site.add_route(sanic_added, "/added")


@aiohttp_web.middleware
async def aiohttp_middleware(request, handler):
    time.sleep(1)  # error: UJ101 time.sleep


@quart.before_request
def quart_hook():
    time.sleep(1)  # clean: Quart runs plain hooks in a thread


@quart.websocket("/ws")
async def quart_socket():
    time.sleep(1)  # error: UJ101 time.sleep


def provided():
    time.sleep(1)  # error: UJ101 time.sleep


def provided_in_thread():
    time.sleep(1)  # clean


dependencies = {
    "one": litestar.di.Provide(provided),
    "two": litestar.di.Provide(provided_in_thread, sync_to_thread=True),
}


def litestar_start():
    time.sleep(1)  # note: UJ101 time.sleep


application = litestar.Litestar([litestar_handler], on_startup=[litestar_start])


async def aiohttp_cleanup(app):
    time.sleep(1)  # note: UJ101 time.sleep


aiohttp_service = aiohttp_web.Application()
aiohttp_service.on_cleanup.append(aiohttp_cleanup)


class Feed(tornado.websocket.WebSocketHandler):
    def on_message(self, message):
        time.sleep(1)  # error: UJ101 time.sleep


def tick():
    time.sleep(1)  # error: UJ101 time.sleep


def away():
    time.sleep(1)  # clean: in a thread


def start_tornado(loop: tornado.ioloop.IOLoop):
    loop.add_callback(tick)
    loop.run_in_executor(None, away)


sio = socketio.AsyncServer()


@sio.event
def connect(sid, environ):
    time.sleep(1)  # error: UJ101 time.sleep


@commands.command()
async def hello(context):
    time.sleep(1)  # error: UJ101 time.sleep


async def start_command(update: telegram.Update, context: telegram.ext.ContextTypes.DEFAULT_TYPE):
    time.sleep(1)  # error: UJ101 time.sleep


def back_on_the_loop():
    time.sleep(1)  # error: UJ101 time.sleep


def in_worker_thread():
    anyio.from_thread.run_sync(back_on_the_loop)
    time.sleep(1)  # clean


@callback
def state_changed(event):
    time.sleep(1)  # error: UJ101 time.sleep


async def async_setup_entry(hass: HomeAssistant, entry):
    await hass.async_add_executor_job(load)
    await hass.async_add_executor_job(lambda: time.sleep(1))  # clean


def load():
    time.sleep(1)  # clean


def poll(now):
    time.sleep(1)  # clean: Home Assistant runs a plain function in its executor


@callback
def polled(now):
    time.sleep(1)  # error: UJ101 time.sleep


def async_restore(hass: HomeAssistant):
    time.sleep(1)  # error: UJ101 time.sleep


def setup(hass: HomeAssistant, config):
    async_track_time_interval(hass, poll, 5)
    async_track_time_interval(hass, polled, 5)
    time.sleep(1)  # clean: a plain set-up runs in the executor


class Bot(discord.Client):
    async def on_message(self, message):
        time.sleep(1)  # error: UJ101 time.sleep


async def django_view(request):
    time.sleep(1)  # error: UJ101 time.sleep


def django_plain_view(request):
    time.sleep(1)  # clean: Django runs plain views in a thread
