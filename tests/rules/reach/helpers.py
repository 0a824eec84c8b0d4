import contextlib
import functools
import time
from pathlib import Path


def deep():
    deeper()


def deeper():
    deepest()


def deepest():
    time.sleep(1)  # error: UJ101 time.sleep


class Client:
    def __init__(self, name):
        self.name = name
        Path(name).write_bytes(b"x")  # note: UJ102 pathlib.Path.write_bytes

    @classmethod
    def make(cls):
        time.sleep(3)  # error: UJ101 time.sleep
        return cls("made")

    @property
    def version(self):
        with open(self.name, "rb") as file:  # warning: UJ102 builtins.open
            return file.read()

    def unused(self):
        time.sleep(3)  # clean


class Reader:
    def __enter__(self):
        time.sleep(1)  # error: UJ101 time.sleep
        return self

    def __exit__(self, *details):
        time.sleep(2)  # error: UJ101 time.sleep


def countdown():
    for number in range(3):
        time.sleep(1)  # error: UJ101 time.sleep
        yield number


def never_called():
    time.sleep(1)  # clean
    yield 1


class Shape:
    def __add__(self, other):
        time.sleep(1)  # error: UJ101 time.sleep
        return self

    def __getitem__(self, name):
        time.sleep(2)  # error: UJ101 time.sleep
        return name

    def __str__(self):
        time.sleep(3)  # error: UJ101 time.sleep
        return ""

    def draw(self):
        raise NotImplementedError

    @property
    def size(self):
        return 1

    @size.setter
    def size(self, value):
        time.sleep(5)  # error: UJ101 time.sleep

    @functools.cached_property
    def outline(self):
        time.sleep(6)  # warning: UJ101 time.sleep
        return 1

    def __call__(self):
        time.sleep(7)  # error: UJ101 time.sleep

    def __eq__(self, other):
        time.sleep(8)  # error: UJ101 time.sleep
        return True

    def __lt__(self, other):
        time.sleep(9)  # error: UJ101 time.sleep
        return True

    def __hash__(self):
        time.sleep(9)  # clean: nothing here hashes it
        return 1


class Rows:
    def __iter__(self):
        time.sleep(1)  # error: UJ101 time.sleep
        return self

    def __next__(self):
        time.sleep(2)  # error: UJ101 time.sleep
        raise StopIteration


def slow_numbers():
    time.sleep(1)  # error: UJ101 time.sleep
    yield 1


class Sized:
    def area(self):
        time.sleep(1)  # error: UJ101 time.sleep


class Square(Sized):
    def area(self):
        return super().area()


class Circle(Shape):
    def draw(self):
        time.sleep(4)  # error: UJ101 time.sleep


class Unrelated:
    def draw(self):
        time.sleep(4)  # clean


def timed(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        time.sleep(1)  # error: UJ101 time.sleep
        return function(*arguments)

    return wrapper


@contextlib.contextmanager
def transaction():
    time.sleep(1)  # error: UJ101 time.sleep
    yield


def slow(item):
    time.sleep(item)  # error: UJ101 time.sleep


class Lazy:
    _value = None

    @property
    def value(self):
        if self._value is None:
            self._value = Path("x").read_text()  # note: UJ102 pathlib.Path.read_text
        return self._value
