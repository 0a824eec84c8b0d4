"""What the handlers of every framework under test do: hold the loop until the test says so, and tell what was measured."""

import asyncio
import os
import time

requests = []


def held():
    """Hold the loop until the test has sent what is to be late, then for 0.12 s more."""
    flag, end = os.environ["FLAG"], time.monotonic() + 60
    with open(f"{flag}.held", "w"):
        pass
    while not os.path.exists(flag):
        assert time.monotonic() < end, "the test gave no sign"
        time.sleep(0.005)
    time.sleep(0.12)  # CULPRIT


async def quick(request):
    """Answer what is known of the request until now."""
    requests.append(request)
    await asyncio.sleep(0)
    return fields(request)


def noted(request):
    """Remember a request."""
    requests.append(request)


def told():
    """What is known by now of the requests so far, with the lines of those who made them late."""
    return [
        None if each is None else {**fields(each), "late": [late_by(late) for late in each.late]} for each in requests
    ]


def late_by(late):
    culprit = late.finding.culprit if late.finding else None
    rule = late.finding.rule if late.finding else None
    return {"by": late.by, "ms": late.ms, "rule": rule, "function": culprit.function if culprit else None}


def fields(request):
    return None if request is None else request.fields()
