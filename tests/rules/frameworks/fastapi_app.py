"""FastAPI: async endpoints, middleware, lifespan and dependencies run on the loop, plain ones in its pool."""

import time
from contextlib import asynccontextmanager

from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI


@asynccontextmanager
async def lifespan(app):
    time.sleep(1)  # note: UJ101 time.sleep
    yield


app = FastAPI(lifespan=lifespan)
router = APIRouter()


def settings():
    time.sleep(1)  # clean: a plain dependency runs in the pool


async def user():
    time.sleep(1)  # error: UJ101 time.sleep


@app.get("/plain")
def plain(_=Depends(settings)):
    time.sleep(1)  # clean: a plain endpoint runs in the pool


@router.post("/items")
async def create(tasks: BackgroundTasks, _=Depends(user)):
    helper()
    tasks.add_task(in_background)


@router.post("/login")
async def login():
    registered()


def registered():
    return open("users").read()  # note: UJ102 _io.TextIOWrapper.read


def in_background():
    time.sleep(1)  # clean: a plain background task runs in the pool


def helper():
    time.sleep(1)  # error: UJ101 time.sleep


@app.middleware("http")
async def add_header(request, call_next):
    time.sleep(1)  # error: UJ101 time.sleep
    return await call_next(request)


@app.on_event("startup")
def warm_up():
    time.sleep(1)  # note: UJ101 time.sleep


@app.exception_handler(ValueError)
def plain_exception_handler(request, error):
    time.sleep(1)  # clean: Starlette runs a plain handler in a thread


@app.exception_handler(KeyError)
async def exception_handler(request, error):
    time.sleep(1)  # error: UJ101 time.sleep


def open_pool():
    time.sleep(1)  # note: UJ101 time.sleep


def close_pool():
    pass


inner = FastAPI(on_startup=[open_pool], on_shutdown=[close_pool])


@app.websocket("/ws")
async def socket(websocket):
    time.sleep(1)  # error: UJ101 time.sleep
