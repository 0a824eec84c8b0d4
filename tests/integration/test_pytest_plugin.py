"""Laws of the pytest plugin: a test fails for the line that held its loop, and for nothing else."""

import re

import pytest

pytest_plugins = ["pytester"]

pytestmark = pytest.mark.serial

HOLDS = """
import asyncio, time
import pytest

def hold():
    time.sleep(0.15)

async def holding():
    await asyncio.sleep(0)
    hold()
    await asyncio.sleep(0)
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Run a test file in a process of its own."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)

    def run(tests, *options, ini=""):
        pytester.makepyfile(test_it=HOLDS + tests)
        if ini:
            pytester.makeini(f"[pytest]\n{ini}\n")
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *options, timeout=100)

    return run


BLOCKS = """
def test_it():
    asyncio.run(holding())
"""


def test_off_unless_asked_for(run):
    """Without the option nothing is watched and nothing fails."""
    run(BLOCKS).assert_outcomes(passed=1)


@pytest.mark.parametrize(("options", "ini"), [(["--unjam"], ""), ([], "unjam = true")])
def test_a_test_that_holds_its_loop_fails_with_the_line(run, options, ini):
    """The culprit's line, its source, the cause and what to do; the summary names the test."""
    result = run(BLOCKS, *options, ini=ini)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "this test held its event loop for longer than 50ms",
            "* UJ101 sleep  test_it.py:5 in hold, time.sleep",
            "*5 | time.sleep(0.15)",
            "*do: await asyncio.sleep*",
            "*more: unjam explain UJ101",
            "*unjam: what held event loops*",
            "* UJ101 sleep *(test_it.py::test_it)",
        ]
    )


def test_verbose_tells_the_chain_and_the_proof(run):
    """-v is for those who want to know why it can be believed."""
    result = run(BLOCKS, "--unjam", "-v")
    result.stdout.fnmatch_lines(["*in test_it.py:9 holding", "*proof: clock_nanosleep*"])


@pytest.mark.parametrize(
    ("mark", "outcome"),
    [
        ('max_block="10s"', {"passed": 1}),
        ('max_block="20ms"', {"failed": 1}),
        ('off=True, reason="known"', {"passed": 1}),
    ],
)
def test_the_marker_sets_the_limit(run, mark, outcome):
    """A test may have a limit of its own, or none with a reason."""
    run(f"@pytest.mark.unjam({mark})\n{BLOCKS.strip()}", "--unjam").assert_outcomes(**outcome)


@pytest.mark.parametrize(
    ("mark", "line"),
    [
        ('max_block="fast"', "*max_block 'fast' is not a number with a unit*"),
        ("maxblock=3", "*takes max_block=, fixtures=, off= and reason=, not maxblock=*"),
        ("off=True", "*needs a reason=*"),
    ],
)
def test_a_wrong_marker_is_refused(run, mark, line):
    """One clear line that names the test."""
    result = run(f"@pytest.mark.unjam({mark})\n{BLOCKS.strip()}", "--unjam")
    (result.stdout if re.search("max|takes|reason", result.stdout.str()) else result.stderr).fnmatch_lines([line])


FIXTURE = """
@pytest.fixture
def prepared():
    asyncio.run(holding())

def test_it(prepared):
    pass
"""


def test_fixtures_count_only_where_asked_for(run):
    """Set-up may take its time unless the run says otherwise."""
    run(FIXTURE, "--unjam").assert_outcomes(passed=1)
    run(FIXTURE, "--unjam", "--unjam-fixtures").assert_outcomes(errors=1)


def test_synchronous_code_is_nobodys_business(run):
    """Without a loop there is nothing to hold; a short test is not late."""
    tests = "def test_sync():\n    hold()\n\ndef test_short():\n    asyncio.run(asyncio.sleep(0.1))\n"
    run(tests, "--unjam").assert_outcomes(passed=2)


def test_the_fixture_watches_by_hand(run):
    """`with unjam() as watched` works with the plugin off, too."""
    tests = """
def test_it(unjam):
    with unjam() as watched:
        asyncio.run(holding())
    assert ["UJ101"] == [finding.rule for finding in watched.findings]
"""
    run(tests).assert_outcomes(passed=1)


def test_workers_of_xdist_are_merged(run, tmp_path):
    """Each worker watches its own tests; the summary and JUnit have them all."""
    tests = BLOCKS + "\ndef test_other():\n    asyncio.run(holding())\n"
    result = run(tests, "--unjam", "-n", "2", f"--junitxml={tmp_path / 'junit.xml'}")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["* UJ101 *(test_it.py::test_*)", "* UJ101 *(test_it.py::test_*)"])
    assert 2 == (tmp_path / "junit.xml").read_text().count('<property name="unjam"')


def test_anyios_runner_is_served(run):
    """Coroutine tests run by anyio's plugin fail for the same line."""
    tests = "@pytest.mark.anyio\nasync def test_it():\n    await holding()\n"
    run(tests, "--unjam", "-k", "asyncio").assert_outcomes(failed=1, deselected=1) if _has_trio() else run(
        tests, "--unjam"
    ).assert_outcomes(failed=1)


def test_unittests_own_runner_is_served(run):
    """IsolatedAsyncioTestCase has a loop as any other."""
    tests = """
import unittest

class Test(unittest.IsolatedAsyncioTestCase):
    async def test_it(self):
        await holding()
"""
    run(tests, "--unjam").assert_outcomes(failed=1)


def _has_trio():
    import importlib.util

    return importlib.util.find_spec("trio") is not None
