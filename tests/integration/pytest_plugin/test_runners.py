"""Laws of company: every runner of coroutine tests is served, and the plugin is beside other plugins as if alone."""

import importlib.util
import re
import sys

import pytest

ASYNC = "async def test_it():\n    await holding()\n\nasync def test_fine():\n    await asyncio.sleep(0.1)\n"


def marked(name):
    return ASYNC.replace("async def test", f"@pytest.mark.{name}\nasync def test")


ISOLATED = """
import unittest

class Test(unittest.IsolatedAsyncioTestCase):
    async def test_it(self):
        await holding()

    async def test_fine(self):
        await asyncio.sleep(0.1)
"""

AIOHTTP = """
from aiohttp import web

def served(handler):
    app = web.Application()
    app.router.add_get("/", handler)
    return app

async def blocking(request):
    hold()
    return web.Response(text="late")

async def quick(request):
    return web.Response(text="ok")

async def test_it(aiohttp_client):
    client = await aiohttp_client(served(blocking))
    assert "late" == await (await client.get("/")).text()

async def test_fine(aiohttp_client):
    client = await aiohttp_client(served(quick))
    assert "ok" == await (await client.get("/")).text()
"""

DJANGO = """
from django.http import HttpResponse
from django.urls import path

async def blocking(request):
    hold()
    return HttpResponse("late")

async def quick(request):
    return HttpResponse("ok")

urlpatterns = [path("blocking", blocking), path("quick", quick)]

async def test_it(async_client):
    assert 200 == (await async_client.get("/blocking")).status_code

async def test_fine(async_client):
    assert 200 == (await async_client.get("/quick")).status_code
"""

SETTINGS = "SECRET_KEY = 'x'\nROOT_URLCONF = 'test_it'\nALLOWED_HOSTS = ['*']\nDATABASES = {}\n"

RUNNERS = {
    "asyncio": (marked("asyncio"), ["pytest_asyncio.plugin"], "asyncio_mode = strict"),
    "auto": (ASYNC, ["pytest_asyncio.plugin"], "asyncio_mode = auto"),
    "anyio": (
        marked("anyio") + "\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n",
        ["anyio.pytest_plugin"],
        "",
    ),
    "aiohttp": (AIOHTTP, ["pytest_asyncio.plugin", "pytest_aiohttp.plugin"], "asyncio_mode = auto"),
    "django": (
        DJANGO,
        ["pytest_asyncio.plugin", "pytest_django.plugin"],
        "asyncio_mode = auto\nDJANGO_SETTINGS_MODULE = project_settings\npythonpath = .",
    ),
    "unittest": (ISOLATED, [], ""),
}


@pytest.mark.parametrize("name", RUNNERS)
def test_every_runner_is_served(run, name):
    """The same line fails the same test, and the test beside it passes, whoever runs coroutines."""
    tests, plugins, ini = RUNNERS[name]
    result = run(tests, "--unjam", "-v", "-rN", plugins=plugins, ini=ini, project_settings=SETTINGS)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["* UJ101 sleep  test_it.py:5 in hold, time.sleep", "* UJ101 sleep *test_it)"])


CASE = """
import unittest

class TestPrepared(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        await holding()
        self.addAsyncCleanup(holding)

    async def asyncTearDown(self):
        await holding()

    async def test_fine(self):
        await asyncio.sleep(0)

    async def test_holds(self):
        await asyncio.sleep(0)
        time.sleep(0.15)
        await asyncio.sleep(0)

    async def test_fails(self):
        await asyncio.sleep(0)
        assert 1 == 2

    @pytest.mark.unjam(fixtures=True)
    async def test_whole(self):
        await asyncio.sleep(0)
"""


def test_set_up_and_tear_down_of_a_case_count_only_where_they_are_asked_for(run, outcomes):
    """As fixtures do: unittest runs them within the call, but they are no body."""
    result = run(CASE, "--unjam", "-v", "-rN")
    assert {
        "test_fine": "passed",
        "test_holds": "failed",
        "test_fails": "failed",
        "test_whole": "failed",
    } == outcomes(result)
    told = [
        line for line in result.outlines if line.endswith(("test_holds)", "test_whole)", "test_fine)", "test_fails)"))
    ]
    assert ["in hold, time.sleep 3 times", "in TestPrepared.test_holds, time.sleep"] == [
        re.search(r"in \S+ \S+(?: 3 times)?", line)[0].strip() for line in told
    ]


def test_uvloop_is_served(run):
    """The turn is the smallest thing that is timed there, and the line is found all the same."""
    if importlib.util.find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed for this interpreter")
    tests = "import uvloop\ndef test_it():\n    uvloop.run(holding())\ndef test_fine():\n    uvloop.run(asyncio.sleep(0.1))\n"
    result = run(tests + HANGING_ON_UVLOOP, "--unjam", "--unjam-hang=500ms", "-v", "-rN")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["* UJ101 sleep  test_it.py:5 in hold, time.sleep", "this test hangs: *"])


HANGING_ON_UVLOOP = """
async def waiting():
    await asyncio.Event().wait()

def test_waiting():
    uvloop.run(waiting())
"""


def test_workers_of_xdist_are_merged(run, pytester):
    """Each worker watches its own tests; the summary and JUnit have them all, and failures their colours."""
    tests = "@pytest.mark.parametrize('n', range(2))\ndef test_it(n):\n    asyncio.run(holding())\n"
    result = run(tests, "--unjam", "-n", "2", "--junitxml=junit.xml", "--color=yes", plugins=["xdist"])
    result.assert_outcomes(failed=2)
    assert 2 == result.stdout.str().count("\x1b[31m\x1b[1mthis test held its event loop")
    told = [line for line in result.outlines if line.endswith((":test_it[0])", ":test_it[1])"))]
    assert 2 == len([line for line in told if "UJ101" in line])
    text = (pytester.path / "junit.xml").read_text()
    assert 2 == len(re.findall('<property name="unjam" value="[^"]*UJ101', text))


def test_a_run_that_is_watched_already_stays_so(pytester):
    """Under `unjam run` the process goes on being watched after the tests, and both tell the stall."""
    source = "import asyncio, time\nasync def main():\n    await asyncio.sleep(0)\n    time.sleep(0.15)\n"
    pytester.makepyfile(test_run=source + "def test_it():\n    asyncio.run(main())\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "unjam.integrations.pytest_plugin"]
    result = pytester.run(sys.executable, "-m", "unjam", "run", "--", *command, "--unjam", "test_run.py")
    result.stdout.fnmatch_lines(["*held its event loop for longer than 50ms*"])
    result.stderr.fnmatch_lines(["*UJ101 sleep*"])
