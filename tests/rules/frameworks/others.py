"""Frameworks that need not be installed: their names and the shape of the code say enough."""

import time

import aiogram
import discord
import litestar
import sanic
import tornado.web
from aiohttp import web
from homeassistant.core import HomeAssistant, callback
from mcp.server.fastmcp import FastMCP
from quart import Quart

routes = web.RouteTableDef()
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


@callback
def state_changed(event):
    time.sleep(1)  # error: UJ101 time.sleep


async def async_setup_entry(hass: HomeAssistant, entry):
    await hass.async_add_executor_job(load)
    await hass.async_add_executor_job(lambda: time.sleep(1))  # clean


def load():
    time.sleep(1)  # clean


class Bot(discord.Client):
    async def on_message(self, message):
        time.sleep(1)  # error: UJ101 time.sleep


async def django_view(request):
    time.sleep(1)  # error: UJ101 time.sleep


def django_plain_view(request):
    time.sleep(1)  # clean: Django runs plain views in a thread
