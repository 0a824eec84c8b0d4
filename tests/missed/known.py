"""Faults that are not found yet, each with the reason: where one is found, the test asks to move it to tests/rules."""

import time


def work():
    time.sleep(1)  # missed: UJ101 time.sleep; reached only through the values of a dictionary


HANDLERS = {"work": work}


async def through_a_dictionary():
    HANDLERS["work"]()


def contains(item):
    return item in Slow()


class Slow:
    def __contains__(self, item):
        time.sleep(1)  # missed: UJ101 time.sleep; the type checker has no call for `in`
        return True


async def through_in():
    return contains(1)
