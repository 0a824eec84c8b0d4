"""Coroutines that a framework calls for each who asks, by class or by call; each reads a file, which is a note where nobody is known to come again."""

from pathlib import Path

import discord
from aiohttp import web
from channels.generic.websocket import AsyncWebsocketConsumer
from django.urls import path
from django.views import View
from fastapi import APIRouter
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint, WebSocketEndpoint
from starlette.middleware.base import BaseHTTPMiddleware

FILE = Path("file")
router = APIRouter()
starlette = Starlette()


class Pages(View):
    async def get(self, request):
        FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes

    def post(self, request):
        FILE.read_bytes()  # clean: Django runs plain views in a thread

    async def later(self):
        FILE.read_bytes()  # note: UJ102 pathlib.Path.read_bytes


class Endpoint(HTTPEndpoint):
    async def post(self, request):
        FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes

    def get(self, request):
        FILE.read_bytes()  # clean: Starlette runs plain endpoints in a thread


class Talk(WebSocketEndpoint):
    async def on_receive(self, websocket, data):
        FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


class Chat(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


class Items(web.View):
    async def get(self):
        FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


class Timing(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes
        return await call_next(request)


class Around:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes
        await self.app(scope, receive, send)

    async def other(self, scope, receive):
        FILE.read_bytes()  # note: UJ102 pathlib.Path.read_bytes


class Pay(discord.ui.Button):
    async def callback(self, interaction):
        FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


async def routed():
    FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


async def added(request):
    FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


async def listed(request):
    FILE.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


def plain(request):
    FILE.read_bytes()  # clean: Django runs plain views in a thread


async def nobodys(request):
    FILE.read_bytes()  # note: UJ102 pathlib.Path.read_bytes


router.add_api_route("/routed", routed)
starlette.add_route("/added", added)
urlpatterns = [path("listed", listed), path("plain", plain)]
