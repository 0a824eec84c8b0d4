"""Faults that are not found yet, each with the reason: where one is found, the test asks to move it to tests/rules."""

import time

HOOKS = [("a", lambda: time.sleep(1))]  # missed: UJ101 time.sleep; a lambda in what a list holds


async def through_a_list():
    for _, hook in HOOKS:
        hook()


async def through_bool():
    if Slow():
        pass


class Slow:
    def __bool__(self):
        time.sleep(1)  # missed: UJ101 time.sleep; the type checker has no call for the truth of a value
        return True
