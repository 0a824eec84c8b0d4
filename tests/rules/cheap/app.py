"""What blocks for less than a hop to a thread takes, once, or not at all: notes, or nothing."""

import asyncio
import functools
import importlib
import importlib.metadata
import inspect
import io
import os
import platform
import queue
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile
from concurrent.futures import Future
from pathlib import Path

import feedparser
import git
import httpx
import psutil
import redis.asyncio as redis
import requests
from PIL import Image
from redis import Redis


async def changes_an_entry(path: Path):
    os.remove(path)  # note: UJ102 os.remove
    path.rename("other")  # note: UJ102 pathlib.Path.rename
    shutil.move(path, "other")  # note: UJ102 shutil.move
    shutil.copytree(path, "other")  # note: UJ102 shutil.copytree


async def reads_an_entry(path: Path):
    os.listdir(path)  # note: UJ102 os.listdir
    for _, _, names in os.walk(path):  # note: UJ102 os.walk
        tempfile.mkstemp(names[0])  # note: UJ102 tempfile.mkstemp


async def makes_a_file(path: Path):
    with open(path, "w"):  # note: UJ102 builtins.open
        pass
    open(path, "a").close()  # note: UJ102 builtins.open
    with open(path, "wb") as stream:  # note: UJ102 builtins.open
        stream.write(b"text")


async def in_memory(data: bytes, path: Path):
    Image.open(io.BytesIO(data))  # clean: the file is in memory
    buffer = io.BytesIO(data)
    archive = zipfile.ZipFile(buffer)  # clean
    archive.read("name")  # clean
    data = io.BytesIO(data)
    zipfile.ZipFile(data)  # clean: it is a buffer by now
    tarfile.open(fileobj=buffer)  # clean
    with tarfile.open(path) as packed:  # note: UJ102 tarfile.open
        packed.extractall()  # clean: told where it was opened
    Image.open(path)  # note: UJ102 PIL.Image.open
    with path.open("rb") as stream:  # note: UJ102 pathlib.Path.open
        Image.open(stream)  # clean: where it was opened, it was told
    buffer.write(data)  # clean: it inherits from the classes of files, and is none
    text = io.StringIO()
    text.readline()  # clean


class Buffered:
    """Keeps what it reads from."""

    def __init__(self, data: bytes):
        self.stream = io.BytesIO(data)

    async def line(self):
        return self.stream.readline()  # clean


async def from_a_table(name):
    table = {"source": inspect.getsource, "other": compile}
    return await table[name]()  # clean: what is awaited is no synchronous function


async def accepted(path: Path):
    return open(path).read()  # noqa: ASYNC230  # note: UJ102 _io.TextIOWrapper.read


async def bodies(url):
    response = requests.get(url)  # error: UJ104 requests.get
    return response.content or response.text  # clean: the body came with the answer


async def console():
    while sys.stdin.readline():  # error: UJ108 sys.stdin.readline
        pass
    sys.stdout.write("> ")  # note: UJ102 typing.IO.write
    sys.stderr.flush()  # note: UJ102 typing.IO.flush


async def starts(words):
    platform.platform()  # note: UJ102 platform.platform
    return subprocess.Popen(words)  # note: UJ107 subprocess.Popen


async def repositories(path):
    git.Repo(path)  # clean: it starts no process
    git.Repo.clone_from("https://localhost/a", path)  # error: UJ107 git.Repo.clone_from


async def own_stack(word):
    inspect.stack()  # note: UJ102 inspect.stack
    inspect.getmodule(word)  # note: UJ102 inspect.getmodule


async def own_version():
    return importlib.metadata.version("unjam")  # note: UJ102 importlib.metadata.version


class Kept:
    """Looks whether it has the answer, and finds it out where it has not."""

    _name = None

    async def name(self, path):
        if self._name:
            return self._name
        with open(path) as stream:  # note: UJ102 builtins.open
            self._name = stream.read()
        return self._name

    async def again(self, path):
        name = None
        if name:
            return name
        name = Path(path).read_bytes()  # note: UJ102 pathlib.Path.read_bytes
        return name


class Connected:
    """Connects when it is first used."""

    client = None

    async def get(self, path):
        if self.client is None:
            self.connect(path)
        return self.client

    def connect(self, path):
        self.client = Path(path).read_text()  # note: UJ102 pathlib.Path.read_text

    async def get_again(self, path):
        if self.client is None:
            raise LookupError(path)
        self.reads(path)

    def reads(self, path):
        self.client = Path(path).read_bytes()  # note: UJ102 pathlib.Path.read_bytes


async def register_client(path):
    httpx.get("http://localhost")  # error: UJ104 httpx.get
    Path(path).write_text("token")  # note: UJ102 pathlib.Path.write_text


async def stop_worker(thread: threading.Thread):
    thread.join()  # note: UJ203 threading.Thread.join
    httpx.get("http://localhost")  # error: UJ104 httpx.get


async def install_packages():
    subprocess.run(["pip"])  # error: UJ107 subprocess.run


async def stopped(thread: threading.Thread):
    thread.join()  # error: UJ203 threading.Thread.join


async def registered(path):
    Path(path).write_bytes(b"token")  # note: UJ102 pathlib.Path.write_bytes


class Answers:
    """Keeps what it is told: for good, for each object, or for each who is asked."""

    _answer = None
    first = None

    def __init__(self):
        self._answers = {}

    async def of_this(self, url):
        if self._answer is None:
            self._answer = requests.get(url)  # warning: UJ104 requests.get
        return self._answer

    @classmethod
    async def of_all(cls, url):
        if cls.first is None:
            cls.first = requests.get(url)  # note: UJ104 requests.get
        return cls.first

    async def of_the_class(self, url, *, allowed):
        if Answers.first is None and allowed:
            Answers.first = requests.get(url)  # note: UJ104 requests.get

    async def after_it_began(self):
        if self._answer is None:
            self.connect()

    def connect(self):
        self._answer = requests.get("http://localhost")  # note: UJ104 requests.get

    async def of_each(self, url):
        if url not in self._answers:
            self._answers[url] = requests.get(url)  # warning: UJ104 requests.get
        return self._answers[url]

    async def when_asked(self, url):
        answer = self._answers.get(url)
        if answer is None:
            answer = requests.get(url)  # warning: UJ104 requests.get
            self._answers[url] = answer
        return answer, first_answer(), answer_of(url), self.begun()

    async def when_asked_again(self, url):
        answer = self._answers.get(url)
        if not answer:
            answer = requests.get(url)  # warning: UJ104 requests.get
        self._answers[url] = answer
        return answer

    async def in_a_cache(self, url, cache):
        answer = cache.get(url)
        if not answer:
            answer = requests.get(url)  # warning: UJ104 requests.get
            cache.set(url, answer)
        return answer

    async def in_a_table(self, url, table):
        if url not in table:
            table[url] = requests.get(url)  # warning: UJ104 requests.get

    async def of_nobody(self, url, answer=None):
        if answer is None:
            answer = requests.get(url)  # error: UJ104 requests.get
        found = self._answers.get(url)
        if not found:
            found = requests.get(url)  # error: UJ104 requests.get
        _hidden = None
        if not _hidden:
            _hidden = requests.get(url)  # error: UJ104 requests.get
        return answer, found, _hidden

    async def of_one_call(self, urls):
        answers = {}
        for url in urls:
            if url not in answers:
                answers[url] = requests.get(url)  # error: UJ104 requests.get
        return answers

    async def of_a_function_around(self, url):
        answer = None

        async def asks():
            nonlocal answer
            if answer is None:
                answer = requests.get(url)  # warning: UJ104 requests.get

        await asks()

    @classmethod
    def begun(cls):
        if cls.first is None:
            cls.first = asyncio.run(asyncio.sleep(0))  # warning: UJ205 asyncio.run


class Engine:
    """There is one of it."""

    _one = None

    def __new__(cls):
        if cls._one is None:
            cls._one = super().__new__(cls)
        return cls._one

    def __init__(self):
        requests.get("http://localhost")  # note: UJ104 requests.get


async def with_an_engine():
    return Engine()


class Loaded:
    """Loads a model once for all, and whenever somebody asks for that."""

    _model = None

    async def model(self):
        if Loaded._model is None:
            Loaded._model = self.load()
            Loaded._model = self.load_first()
        return Loaded._model

    async def another(self):
        return self.load()

    def load(self):
        return requests.get("http://localhost")  # warning: UJ104 requests.get

    def load_first(self):
        return requests.get("http://localhost")  # note: UJ104 requests.get


class Task:
    """Is run by a worker, each time on a loop of its own."""

    async def run(self):
        requests.get("http://localhost")  # note: UJ104 requests.get

    def work(self):
        with asyncio.Runner() as runner:
            runner.run(self.run())


@functools.cache
def first_answer():
    return requests.get("http://localhost")  # note: UJ104 requests.get


@functools.cache
def answer_of(url):
    return requests.get(url)  # warning: UJ104 requests.get


class Lazy:
    """Makes its client when it is first asked for."""

    client = None

    async def get(self, path):
        if self.client is None:
            try:
                settings = Path(path).read_text()  # note: UJ102 pathlib.Path.read_text
            except OSError:
                settings = ""
            self.client = settings
        return self.client


async def on_ready():
    return Path("tags").read_text()  # note: UJ102 pathlib.Path.read_text


async def app_lifespan(app):
    httpx.get("http://localhost")  # note: UJ104 httpx.get
    yield


def extend_lifespan(path):
    return Path(path).read_bytes()  # note: UJ102 pathlib.Path.read_bytes


async def lifespan_of_lamp(path):
    return extend_lifespan(path)  # clean: the life span of a lamp is asked for whenever somebody likes


async def reloads(module):
    importlib.reload(module)  # note: UJ305 importlib.reload


async def responses(client: httpx.AsyncClient):
    response = await client.get("http://localhost")
    response.read()  # clean: an awaited response has its body
    with httpx.stream("GET", "http://localhost") as other:  # error: UJ104 httpx.stream
        other.read()  # error: UJ104 httpx.Response.read


class Bytes(queue.Queue):
    """What a queue does with itself is nobody's wait."""

    def fill(self, data: bytes):
        for byte in data:
            self.put(byte)  # clean

    def first(self):
        return self.get()  # clean


async def decodes(data: bytes):
    buffer = Bytes()
    buffer.fill(data)
    buffer.get()  # error: UJ202 queue.Queue.get
    return buffer.first()


async def setup(bot):
    return Path("tags").read_text()  # note: UJ102 pathlib.Path.read_text


async def shutdown():
    Path("tags").write_text("")  # note: UJ102 pathlib.Path.write_text


class Command:
    """A method of that name is no start-up."""

    async def setup(self):
        return Path("tags").read_bytes()  # note: UJ102 pathlib.Path.read_bytes


async def feeds(response, url):
    feedparser.parse(await response.text())  # clean: it is here already
    feedparser.parse(response.content)  # clean
    feedparser.parse(url)  # error: UJ104 feedparser.parse
    text = response.text
    feedparser.parse(text)  # clean: a name for what is here already
    path = response.url
    feedparser.parse(path)  # error: UJ104 feedparser.parse


async def compares_with_the_call_before():
    psutil.cpu_percent()  # clean
    psutil.cpu_percent(interval=None)  # clean
    psutil.Process().cpu_percent()  # clean
    psutil.cpu_percent(interval=1)  # error: UJ101 psutil.cpu_percent


class RetryError(Exception):
    """As tenacity raises it."""

    last_attempt: Future


async def gives_up(error: RetryError, other: Future):
    error.last_attempt.exception()  # clean: the attempt has been made
    return other.exception()  # error: UJ203 concurrent.futures.Future.exception


async def unverified():
    httpx.AsyncClient(verify=False)  # clean: no certificates are read
    return httpx.AsyncClient()  # note: UJ102 httpx.AsyncClient


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


class Bot:
    """Its constructor waits; what another function calls `cls` need not be that class."""

    def __init__(self):
        Redis().get("key")  # clean: no coroutine makes one

    async def context(self, message, *, cls=Command):
        return cls(message)

    @classmethod
    def made(cls):
        return cls()
