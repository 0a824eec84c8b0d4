"""Faults that are not found yet, each with the reason: where one is found, the test asks to move it to tests/rules."""

import time


def work():
    time.sleep(1)  # missed: UJ101 time.sleep; reached only through the values of a dictionary


HANDLERS = {"work": work}


async def through_a_dictionary():
    HANDLERS["work"]()


class Timer:
    def __init__(self, callback):
        self.callback = callback

    def fire(self):
        self.callback()


def ring():
    time.sleep(1)  # missed: UJ101 time.sleep; the callable is kept on an instance first


async def through_an_attribute():
    Timer(ring).fire()


def rows():
    time.sleep(1)  # missed: UJ101 time.sleep; the generator is iterated by whoever gets it returned
    yield 1


def handed_out():
    return rows()


async def through_a_returned_generator():
    for row in handed_out():
        print(row)


def contains(item):
    return item in Slow()


class Slow:
    def __contains__(self, item):
        time.sleep(1)  # missed: UJ101 time.sleep; the type checker has no call for `in`
        return True


async def through_in():
    return contains(1)
