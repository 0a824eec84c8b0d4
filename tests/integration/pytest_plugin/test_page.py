"""Laws of docs/pytest.md: what it shows is what happens."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "pytest.md").read_text(encoding="utf-8")

SHOP = """\
import asyncio, time
import pytest

def hold():
    time.sleep(0.15)

async def buy():
    await asyncio.sleep(0)
    hold()
    await asyncio.sleep(0)

def test_buy():
    asyncio.run(buy())

async def sell(stock, ledger):
    async with stock:
        await asyncio.sleep(0.01)
        async with ledger:
            pass

async def refund(stock, ledger):
    async with ledger:
        await asyncio.sleep(0.01)
        async with stock:
            pass

def test_day():
    async def day():
        locks = asyncio.Lock(), asyncio.Lock()
        await asyncio.gather(sell(*locks), refund(*locks))
    asyncio.run(day())
"""


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def shown(text):
    """Lines without what differs between runs: lengths, numbers of tasks, and with which task of a cycle it is told."""
    told = (
        re.sub(r"Task-\d+|^\d+ ms|for \d+ s|^ +\d\.", "N", line.rstrip()) for line in text.splitlines() if line.strip()
    )
    return {re.sub(r"^(UJ801.*\)|    do: take).*", r"\1", line) for line in told}


@pytest.fixture
def ran(run):
    """The output of the shop of the page."""

    def ran(*options):
        result = run("", *options, "test_shop.py", test_shop=SHOP)
        return shown(result.stdout.str())

    return ran


def test_a_failure_looks_as_on_the_page(ran):
    """Line by line, but for the lengths."""
    block = next(block for block in blocks("") if block.startswith("this test held"))
    assert set() == shown(block) - ran("--unjam", "-k", "buy")


def test_a_hang_looks_as_on_the_page(ran):
    """As above."""
    block = next(block for block in blocks("") if block.startswith("this test hangs"))
    assert set() == shown(block) - ran("--unjam-hang=1s", "-k", "day")


def test_the_examples_run(run):
    """Each marker of the page, and the fixture."""
    marks, fixture = blocks("python")
    marked = [f"{mark}\ndef test_{number}(): pass\n" for number, mark in enumerate(marks.splitlines())]
    tests = "".join(marked) + "async def export(): pass\n" + fixture
    run(tests, "--unjam").assert_outcomes(passed=len(marked) + 1)


def test_every_option_is_on_the_page(alone):
    """The table and `pytest --help` name the same options and ini values."""
    told = alone("--help").stdout.str()
    for pattern in (r"--unjam[\w-]*", r"\bunjam(?:_\w+)?(?= =)"):
        named = set(re.findall(pattern, PAGE))
        there = set(re.findall(pattern.replace("(?= =)", r"(?= \()"), told))
        assert named == there
