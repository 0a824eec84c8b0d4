"""A reader works on whatever file it is given: the way that is told gives it one on a disk, never one in memory."""

import io
from typing import BinaryIO

from fastapi import FastAPI

app = FastAPI()


class Typed:
    def __init__(self, stream: BinaryIO):
        self._stream = stream

    def whole(self):
        return self._stream.read()  # warning: UJ102 typing.BinaryIO.read


def parse(stream: BinaryIO):
    return stream.read()  # warning: UJ102 typing.BinaryIO.read


def parse_body(stream: BinaryIO):
    return stream.read()  # clean: all that it is given is in memory


class Body:
    def __init__(self, stream: BinaryIO):
        self._stream = stream

    def whole(self):
        return self._stream.read()  # clean: so is all that this is made over


def handed_on(stream: BinaryIO):
    return parse_body(stream)


@app.post("/a-body")
async def a_body(data):
    handed_on(io.BytesIO(data))
    with io.BytesIO(data) as stream:
        parse_body(stream)
    return Body(io.BytesIO(data)).whole()


@app.post("/b-in-memory")
async def b_in_memory(data):
    parse(io.BytesIO(data))
    return Typed(io.BytesIO(data)).whole()


@app.post("/c-on-disk")
async def c_on_disk(stream: BinaryIO):
    parse(stream)
    return Typed(stream).whole()
