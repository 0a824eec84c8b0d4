# needs: uvicorn, fastapi
"""Requests that came during a stall in the handler of another one."""

import time

from _late import one_slow_and_three_late, until_asked
from _truth import run
from _uvicorn import configured
from fastapi import FastAPI

app = FastAPI()


@app.get("/slow")
async def slow() -> str:
    for _ in until_asked():
        time.sleep(0.15)  # expect: UJ101 leaf=time.sleep holder=/slow victims=1 late-asyncio=/quick/{number}
    return "done"


@app.get("/quick/{number}")
async def quick(number: int) -> str:
    return "done"


run(one_slow_and_three_late(configured(app)))
