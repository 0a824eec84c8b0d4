"""Calls, constructors, properties, `with`, iteration, dunders, overrides, decorators: each with its innocent twin."""

import asyncio
import time

import click

from reach.helpers import (
    Client,
    Lazy,
    Reader,
    Rows,
    Shape,
    Square,
    countdown,
    deep,
    never_called,
    slow,
    slow_numbers,
    timed,
    transaction,
)


async def direct():
    time.sleep(1)  # error: UJ101 time.sleep
    await asyncio.sleep(1)  # clean


async def through_helpers():
    deep()


async def constructor():
    return Client("x")


async def class_method():
    return Client.make()


async def a_property(client: Client):
    return client.version


async def with_block(reader: Reader):
    with reader:
        pass


async def iterates():
    for number in countdown():
        print(number)


async def makes_but_does_not_iterate(consume):
    consume(never_called())  # clean: whoever iterates it runs it


async def operators(shape: Shape):
    return shape + shape, shape["area"], str(shape)


async def setter(shape: Shape):
    shape.size = 1


async def cached(shape: Shape):
    return shape.outline


async def calls_the_object(shape: Shape):
    return shape()


async def steps():
    rows = Rows()
    next(rows)
    for row in rows:
        print(row)


async def compares(shape: Shape):
    return f"{shape}", shape == shape, shape < shape


async def base_method():
    return Square().area()


async def takes_one():
    numbers = slow_numbers()
    return next(numbers)


async def overridden(shape: Shape):
    shape.draw()


async def decorated():
    timed_function()


@timed
def timed_function():
    return 1


async def with_generator():
    with transaction():
        pass


async def nested():
    def inner():
        time.sleep(2)  # error: UJ101 time.sleep

    def unused():
        time.sleep(2)  # clean: nobody calls it

    inner()
    return unused


async def local_lambda():
    return sorted([1], key=lambda item: slow(item))


async def lazy(holder: Lazy):
    return holder.value


def not_on_the_loop():
    time.sleep(1)  # clean: nothing on the loop calls it


async def agen():
    time.sleep(1)  # error: UJ101 time.sleep
    yield 1


async def comprehension():
    return [time.sleep(0.1) for _ in range(3)]  # error: UJ101 time.sleep


async def gives_others_a_chance():
    time.sleep(0)  # note: UJ101 time.sleep


if __name__ == "__main__":
    time.sleep(1)  # clean: module level
    asyncio.run(whole_program())


async def whole_program():
    time.sleep(1)  # note: UJ101 time.sleep
    await begin()
    for _ in range(3):
        time.sleep(1)  # note: UJ101 time.sleep
        await begin()
    name = input()  # note: UJ108 builtins.input
    while name:
        time.sleep(1)  # error: UJ101 time.sleep
        await again()
        name = input()  # error: UJ108 builtins.input


async def begin():
    time.sleep(1)  # note: UJ101 time.sleep


async def again():
    time.sleep(1)  # error: UJ101 time.sleep


async def begins_on_the_way():
    time.sleep(1)  # note: UJ101 time.sleep


async def begins_beside_the_main_one():
    time.sleep(1)  # note: UJ101 time.sleep


def run_to_an_end(loop, event):
    loop.create_task(begins_beside_the_main_one())
    loop.run_until_complete(event.wait())


def run_for_ever(loop):
    loop.create_task(begins_on_the_way())
    loop.run_forever()


@click.command()
@coroutine_command
async def console_command():
    time.sleep(1)  # note: UJ101 time.sleep


def started_from_somewhere(loop):
    loop.create_task(may_begin_often())


async def may_begin_often():
    time.sleep(1)  # error: UJ101 time.sleep
