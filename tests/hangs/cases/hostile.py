"""Objects that end the process when anybody looks at them, all around a deadlock."""

import asyncio
import os
import threading


def caught(*_, **__):
    os.write(2, b"somebody looked\n")
    os._exit(3)


HOOKS = (
    "__repr__ __str__ __eq__ __ne__ __hash__ __bool__ __len__ __iter__ __getattr__ __getitem__ __contains__ __call__ __lt__ "
    "__instancecheck__ __format__ __index__ __int__ __float__"
).split()


class Meta(type):
    __eq__ = __hash__ = __instancecheck__ = __subclasscheck__ = __getattr__ = caught

    @property
    def __flags__(cls):
        caught()


Hostile = type.__new__(Meta, "Hostile", (), {"__class__": property(caught), **dict.fromkeys(HOOKS, caught)})


class Shadow:
    __dict__ = property(caught)
    __slots__ = ()


class Lying(dict):
    get = keys = values = items = __getitem__ = __contains__ = __iter__ = __len__ = __eq__ = __repr__ = caught
    __hash__ = None


class Account:
    def __init__(self):
        self.hostile = Hostile.__new__(Hostile)
        self.shadow = Shadow()
        self.lock = threading.Lock()
        self.lying = Lying()

    lazy = property(caught)


class NamedThread(threading.Thread):
    name = property(caught, lambda self, value: None)


ONE, TWO = Account(), Account()
TOGETHER = threading.Barrier(2)


def take(first, second, hostile, lying):
    values = [hostile, lying]
    with first.lock:
        TOGETHER.wait()
        with second.lock:
            second.lazy, second.hostile, values.clear()


async def main():
    hostile, lying = Hostile.__new__(Hostile), Lying()
    threads = [threading.Thread(target=take, args=(*pair, hostile, lying)) for pair in ((ONE, TWO), (TWO, ONE))]
    threads[0].name = "evil\x1b[2J\x07\u202e" + "x" * 1_000_000
    for thread in threads:
        thread.daemon = True
        thread.start()
    event = asyncio.Event()
    task = asyncio.create_task(event.wait(), name="\x1b]0;owned\x07" + "y" * 1_000_000)
    await asyncio.sleep(80)
    del hostile, lying, task


asyncio.run(main())
