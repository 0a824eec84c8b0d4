"""Laws of innocence: what pytest, tracers, debuggers, assertions and first use take is no fault of the test."""

import subprocess
import sys

import pytest

NOBODYS = ("nothing of yours", "(the objects of the whole run)")
"""What a busy machine adds to any test: that it gave no CPU, and a collection that began by itself and took long there."""


def held_against(test, lines):
    """The findings that the summary holds against a test."""
    told = (line for line in lines if line.endswith(f"({test})"))
    return [line for line in told if not any(words in line for words in NOBODYS)]


FIRST_USE = """
import functools

@functools.cache
def settings():
    time.sleep(0.15)
    return {}

async def using():
    await asyncio.sleep(0)
    settings()
    await asyncio.sleep(0)

async def importing():
    await asyncio.sleep(0)
    import slow_module
    await asyncio.sleep(0)

def test_cached():
    asyncio.run(using())

def test_import():
    asyncio.run(importing())
"""


def test_first_use_is_told_and_fails_nobody(run):
    """An import, and a function whose value is kept for the process: "first call only"."""
    result = run(FIRST_USE, "--unjam", slow_module="import time\ntime.sleep(0.15)\n")
    result.assert_outcomes(passed=2)
    told = [line for line in result.outlines if "(first call only)" in line]
    assert {"test_cached", "test_import"} == {line.rpartition("::")[2].rstrip(")") for line in told}


GARBAGE = """
import gc

gc.disable()
kept = [[number] for number in range(1_000_000)]

async def making():
    await asyncio.sleep(0)
    gc.enable()
    made = [[] for _ in range(5000)]
    gc.disable()
    await asyncio.sleep(0)

async def asking():
    await asyncio.sleep(0)
    gc.collect()
    await asyncio.sleep(0)

def test_makes():
    asyncio.run(making())

def test_asks():
    asyncio.run(asking())
"""


def test_a_collection_that_begins_by_itself_fails_nobody(run, outcomes):
    """It walks the objects of all tests before, wherever its turn comes: told, but no fault of that test. Who asks for one does it."""
    result = run(GARBAGE, "--unjam", "--unjam-max-block=20ms", "-v", "-rN")
    assert {"test_makes": "passed", "test_asks": "failed"} == outcomes(result)
    result.stdout.fnmatch_lines(
        ["* UJ304 gc *automatic collection* (the objects of the whole run)  (test_it.py::test_makes)"]
    )


def test_what_to_do_about_a_collection_is_what_can_be_done_there(run):
    """A test has no requests to leave it out of; the program that it tests may have."""
    program = "import gc\n\nasync def serving():\n    gc.collect()\n"
    tests = GARBAGE + "\ndef test_serves():\n    import program\n    asyncio.run(program.serving())\n"
    result = run(tests, "--unjam", "--unjam-max-block=20ms", "-rN", program=program)
    asks, serves = result.stdout.str().split("___ test_asks ___")[1].split("___ test_serves ___")
    assert ("do: call gc.collect() where no loop runs" in asks, "requests" in asks) == (True, False)
    assert "do: leave gc.collect() out of requests" in serves


FILLING = """
kept = {}

async def filling():
    await asyncio.sleep(0)
    if "value" not in kept:
        kept["value"] = hold()
    await asyncio.sleep(0)

def test_first():
    asyncio.run(filling())
"""

WARM = f"""
{FILLING}
def test_always():
    asyncio.run(holding())

runs = []

def test_not_twice():
    asyncio.run(holding())
    runs.append(1)
    assert len(runs) == 1

def test_quick():
    runs.append(2)
    assert runs.count(2) == 1
"""


def test_a_second_run_tells_first_use_from_every_use(run, outcomes):
    """With --unjam-warm a cache of one's own is first use; what cannot run twice is judged by its first run, what is quick runs once."""
    result = run(WARM, "--unjam", "--unjam-warm", "-v", "-rN")
    assert {
        "test_first": "passed",
        "test_always": "failed",
        "test_not_twice": "failed",
        "test_quick": "passed",
    } == outcomes(result)
    result.stdout.fnmatch_lines(["* UJ101 sleep *(first call only)  (test_it.py::test_first)"])
    assert 1 == len(held_against("test_it.py::test_always", result.outlines))


def test_a_cache_of_ones_own_is_held_against_the_first_test_and_the_way_out_is_named(run):
    """One run cannot tell it from any other stall; the end of the run says how to have it told."""
    tests = f"{FILLING}\ndef test_second():\n    asyncio.run(filling())\n"
    result = run(tests, "--unjam")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["first use? --unjam-warm runs what failed here once more*"])
    warm = run(tests, "--unjam", "--unjam-warm")
    warm.assert_outcomes(passed=2)
    warm.stdout.no_fnmatch_line("first use?*")


ASSERTS = """
async def comparing():
    await asyncio.sleep(0)
    left, right = ([{"key": n, "text": str(n * by)} for n in range(1500)] for by in (1, 2))
    assert left == right

def test_diff():
    asyncio.run(comparing())

import unittest

class Test(unittest.IsolatedAsyncioTestCase):
    maxDiff = None

    async def test_equal(self):
        await asyncio.sleep(0)
        left, right = ([{"key": n, "text": str(n * by)} for n in range(300)] for by in (1, 2))
        self.assertEqual(left, right)
"""


def test_the_diff_of_an_assertion_is_not_accused(run):
    """It takes seconds and runs on the loop: that is pytest's and unittest's doing."""
    result = run(ASSERTS, "--unjam", "-vv", "--unjam-max-block=20ms", "-rN")
    result.assert_outcomes(failed=2)
    assert [] == held_against("test_it.py::test_diff", result.outlines)
    assert [] == held_against("test_it.py::Test::test_equal", result.outlines)
    assert "held its event loop" not in result.stdout.str()


STOPS = """
async def stopping():
    await asyncio.sleep(0)
    breakpoint()
    await asyncio.sleep(0)

def test_it():
    asyncio.run(stopping())
"""


def test_a_breakpoint_is_not_accused(pytester):
    """The time in which somebody thinks at the prompt is the debugger's, for held loops and for hangs."""
    pytester.makepyfile(test_it="import asyncio\n" + STOPS)
    command = [sys.executable, "-u", "-m", "pytest", "-p", "unjam.integrations.pytest_plugin", "-p", "no:cacheprovider"]
    options = ["--unjam", "--unjam-hang=300ms", "-v"]
    with subprocess.Popen([*command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        prompt = ""
        while not prompt.endswith("(Pdb) ") and (more := child.stdout.read(1)):
            prompt += more
        with pytest.raises(subprocess.TimeoutExpired):  # whoever sits there thinks for three times the limit
            child.wait(1.0)
        rest, _ = child.communicate("c\n", timeout=60)
    assert prompt.endswith("(Pdb) ")
    assert "1 passed" in rest
    assert [] == held_against("test_it.py::test_it", rest.splitlines())


COVERED = """
from computing import computed

async def computing():
    await asyncio.sleep(0)
    computed(float(open("seconds").read()))
    await asyncio.sleep(0)

def test_it():
    asyncio.run(computing())

def test_blocks():
    asyncio.run(holding())
"""

COMPUTES = """
import time

def computed(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        for _ in range(20_000):
            pass
"""


def test_what_coverage_makes_slow_is_not_accused(run, pytester, outcomes):
    """Python code has four times the limit while its lines are traced; a call that blocks has not."""
    (pytester.path / "seconds").write_text("0.12")
    options = ["--unjam", "--unjam-max-block=80ms", "-v", "-rN"]
    plain = outcomes(run(COVERED, *options, computing=COMPUTES))
    traced = outcomes(run(COVERED, *options, "--cov=.", plugins=["pytest_cov.plugin"], computing=COMPUTES))
    assert {"test_it": "failed", "test_blocks": "failed"} == plain
    assert {"test_it": "passed", "test_blocks": "failed"} == traced


LOADED = """
import sys

def test_it():
    loaded = {name: type(module.__spec__.loader).__name__ for name, module in sys.modules.items() if name.startswith("unjam.")}
    assert loaded["unjam.integrations.pytest_plugin.watcher"] == loaded["unjam.monitor"] == "SourceFileLoader"
"""


def test_what_unjam_is_made_of_is_not_rewritten(run):
    """pytest rewrites the assertions of whatever a plugin loads, which takes long where nothing compiled is kept."""
    run(LOADED, "--unjam").assert_outcomes(passed=1)
