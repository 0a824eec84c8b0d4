"""Laws of the pytest plugin: a test fails for the line that held its loop, and for nothing else."""

import re

import pytest

BLOCKS = """
def test_it():
    asyncio.run(holding())
"""


def test_off_unless_asked_for(run):
    """Without the option nothing is watched and nothing fails."""
    run(BLOCKS).assert_outcomes(passed=1)


@pytest.mark.parametrize(("options", "ini"), [(["--unjam"], ""), ([], "unjam = true")])
def test_a_test_that_holds_its_loop_fails_with_the_line(run, options, ini):
    """The culprit's line, its source, the way there, the cause and what to do; the summary and the last line name them, too."""
    result = run(BLOCKS, *options, ini=ini)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "this test held its event loop for longer than 50ms",
            "* UJ101 sleep  test_it.py:5 in hold, time.sleep",
            "*5 | time.sleep(0.15)",
            "*in: test_it.py:9 holding",
            "*do: await asyncio.sleep*",
            "*more: unjam explain UJ101",
            "*unjam: what held event loops*",
            "* UJ101 sleep *(test_it.py::test_it)",
            "FAILED test_it.py::test_it - * ms  UJ101 sleep *",
        ]
    )


def test_verbose_tells_the_proof_and_colours_are_for_people(run, pytester):
    """-v is for those who want to know why it can be believed; JUnit gets the text without colours."""
    result = run(BLOCKS, "--unjam", "-v", "--color=yes", "--junitxml=junit.xml")
    assert "\x1b[31m\x1b[1mthis test held its event loop for longer than 50ms" in result.stdout.str()
    assert "proof: clock_nanosleep" in result.stdout.str()
    text = (pytester.path / "junit.xml").read_text()
    failure = text.partition("<failure")[2].partition("</failure")[0]
    assert (True, False) == ("this test held its event loop" in failure, "#x1B" in failure)
    assert 1 == len(re.findall('<property name="unjam" value="[^"]*UJ101', text))


MARKED = """
@pytest.mark.unjam(max_block="10s")
def test_patient():
    asyncio.run(holding())

@pytest.mark.unjam(off=True, reason="known")
def test_off():
    asyncio.run(holding())

@pytest.mark.unjam(allow=["UJ104", "UJ101"], reason="known")
def test_allowed():
    asyncio.run(holding())

@pytest.mark.unjam(allow="UJ1", reason="known", until="2020-01-01")
def test_expired():
    asyncio.run(holding())

def test_sync():
    hold()

def test_waits():
    asyncio.run(asyncio.sleep(0.1))

@pytest.fixture
def prepared():
    asyncio.run(holding())

def test_prepared(prepared):
    pass

@pytest.mark.unjam(fixtures=True)
def test_counted(prepared):
    pass

def test_allowed_in_source():
    asyncio.run(holding_as_meant())

async def holding_as_meant():
    await asyncio.sleep(0)
    time.sleep(0.15)  # unjam: allow[UJ101] known
    await asyncio.sleep(0)
"""


def test_a_test_may_do_what_its_marker_says(run, outcomes):
    """A limit of its own, none with a reason, some rules; synchronous code and waiting are nobody's business, set-up only if asked for."""
    result = run(MARKED, "--unjam", "-v", "-rN")
    assert {
        "test_patient": "passed",
        "test_off": "passed",
        "test_allowed": "passed",
        "test_expired": "failed",
        "test_sync": "passed",
        "test_waits": "passed",
        "test_prepared": "passed",
        "test_counted": "error",
        "test_allowed_in_source": "passed",
    } == outcomes(result)
    result.stdout.fnmatch_lines(
        [
            "allowance: test_it.py::test_allowed: the marker's allowance of UJ104: nothing in this run used it",
            "allowance: test_it.py::test_expired: the marker's allowance of UJ1: expired on 2020-01-01",
        ]
    )


STRICT = """
@pytest.mark.unjam(max_block="20ms")
def test_strict():
    asyncio.run(holding())

def test_usual():
    asyncio.run(holding())
"""


def test_a_limit_may_be_shorter_than_that_of_the_others(run, outcomes):
    """The marker's own limit counts, not the one of the run."""
    result = run(STRICT, "--unjam", "--unjam-max-block=10s", "-v", "-rN")
    assert {"test_strict": "failed", "test_usual": "passed"} == outcomes(result)


TABLE = """
[tool.unjam]
src = ["app"]

[[tool.unjam.allow]]
rule = "UJ101"
where = "test_it.py::hold"
reason = "known"

[[tool.unjam.allow]]
rule = "UJ104"
where = "*"
reason = "was"
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_the_tables_of_the_project_hold(run, pytester, workers):
    """What `[tool.unjam]` allows fails nobody; what no test in any worker used is named once, at the end of the run."""
    pytester.makepyprojecttoml(TABLE)
    pytester.mkdir("app")
    tests = BLOCKS + "def test_other():\n    asyncio.run(asyncio.sleep(0))\n"
    result = run(tests, "--unjam", *workers, plugins=["xdist"] if workers else [])
    result.assert_outcomes(passed=2)
    assert ["allowance: [[tool.unjam.allow]] UJ104 in *: nothing in this run used it"] == [
        line for line in result.outlines if line.startswith("allowance")
    ]


@pytest.mark.parametrize(
    ("mark", "line"),
    [
        ('max_block="fast"', "*test_it.py::test_it: max_block 'fast' is not a number with a unit*"),
        ('max_block="10us"', "*max_block '10us' is below 1ms*"),
        ('maxblock="3ms"', "*not maxblock=; did you mean max_block=?*"),
        ('"50ms"', "*not a value without a name*"),
        ("off=True", "*(off=True) needs a reason=*"),
        ('off="yes", reason="x"', "*off must be True or False*"),
        ('allow="UJ101"', "*(allow=...) needs a reason=*"),
        ('allow="UJ110", reason="x"', "*no rule 'UJ110', did you mean UJ1*"),
        ('allow="UJ101", reason="x", until="soon"', "*until must be a date*"),
        ('hang="long"', "*hang 'long' is not a number with a unit*"),
    ],
)
def test_a_wrong_marker_is_refused_before_anything_runs(alone, pytester, mark, line):
    """One clear line that names the test."""
    pytester.makepyfile(test_it=f"import pytest\n@pytest.mark.unjam({mark})\ndef test_it(): pass\n")
    result = alone("--unjam")
    result.stderr.fnmatch_lines([line])
    assert pytest.ExitCode.USAGE_ERROR == result.ret


@pytest.mark.parametrize("option", ["--unjam-max-block=fast", "--unjam-hang=20"])
def test_a_wrong_option_is_refused_at_the_door(alone, option):
    """As a wrong marker."""
    result = alone("--unjam", option)
    result.stderr.fnmatch_lines([f"*{option.partition('=')[0]} *is not a number with a unit*"])


def test_the_fixture_watches_by_hand(run):
    """`with unjam() as watched` works with the plugin off, too."""
    tests = """
def test_it(unjam):
    with unjam() as watched:
        asyncio.run(holding())
    assert {"UJ101"} == {finding.rule for finding in watched.findings} - {"UJ502", ""}  # a busy machine adds these
"""
    run(tests).assert_outcomes(passed=1)


def test_a_test_that_fails_by_itself_says_what_held_its_loop_beside(run):
    """The assertion stays the failure: the stall may be the reason for it."""
    result = run(BLOCKS + "    assert 1 == 2\n", "--unjam")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert 1 == 2", "*Captured unjam call*", "this test held its event loop*"])


EXPECTED = """
@pytest.mark.xfail(strict=True)
def test_strict():
    asyncio.run(holding())

@pytest.mark.xfail
def test_lax():
    asyncio.run(holding())

@pytest.mark.xfail(False, reason="elsewhere")
def test_elsewhere():
    asyncio.run(holding())

@pytest.mark.xfail(strict=True)
def test_as_expected():
    asyncio.run(holding())
    assert 1 == 2
"""


def test_a_test_that_passes_against_expectation_is_told_so(run, outcomes):
    """pytest is not given a failure of ours for the one that `xfail` expects; what held the loop is told beside."""
    result = run(EXPECTED, "--unjam", "-v", "-rN")
    assert {
        "test_strict": "failed",
        "test_lax": "xpass",
        "test_elsewhere": "failed",
        "test_as_expected": "xfail",
    } == outcomes(result)
    result.stdout.fnmatch_lines(
        ["*XPASS(strict)*", "*Captured unjam call*", "*UJ101 sleep  test_it.py:5 in hold, time.sleep"]
    )


def test_xfail_is_no_excuse_where_it_is_switched_off(run, outcomes):
    """With --runxfail a held loop fails the test as any other."""
    result = run(EXPECTED, "--unjam", "-v", "-rN", "--runxfail")
    assert {"failed"} == set(outcomes(result).values())


@pytest.mark.serial
def test_the_ten_worst_are_told(run, pytester):
    """Twelve tests held their loops: ten lines, and a count of the rest, which a machine without a free CPU adds to."""
    tests = "@pytest.mark.parametrize('n', range(12))\ndef test_it(n):\n    asyncio.run(holding())\n"
    result = run(tests, "--unjam", "--unjam-max-block=100ms", "-q", "-rN", "--junitxml=junit.xml")
    result.assert_outcomes(failed=12)
    assert 10 == len([line for line in result.outlines if "(test_it.py::test_it[" in line])
    found = (pytester.path / "junit.xml").read_text().count('<property name="unjam"')
    assert found >= 12
    result.stdout.fnmatch_lines([f"and {found - 10} more"])


def test_what_tests_failed_for_is_told_before_what_fails_nobody(run):
    """However much longer that was: the ten lines are for what is to be mended."""
    kept = "".join(f"\n@functools.cache\ndef kept_{n}():\n    time.sleep(0.2)\n" for n in range(11))
    tests = (
        "import functools\n"
        + kept
        + """
async def using(function):
    await asyncio.sleep(0)
    function()
    await asyncio.sleep(0)

@pytest.mark.parametrize("n", range(11))
def test_kept(n):
    asyncio.run(using(globals()[f"kept_{n}"]))

def test_holds():
    asyncio.run(holding())
"""
    )
    result = run(tests, "--unjam", "-q", "-rN")
    result.assert_outcomes(failed=1, passed=11)
    told = [line for line in result.outlines if "(test_it.py::" in line]
    assert (10, True) == (len(told), told[0].endswith("(test_it.py::test_holds)"))


def test_a_run_in_which_nothing_holds_a_loop_loads_nothing_to_judge_it(run):
    """What thinks about stalls is imported with the first one: a suite without any starts without it."""
    tests = """
def test_fine():
    asyncio.run(asyncio.sleep(0))

def test_nothing_is_loaded():
    import sys
    judges = ("diagnosis", "knowledge", "model.findings", "recording.reader", "integrations.pytest_plugin.harness")
    assert [name for name in sys.modules if name.startswith(tuple(f"unjam.{each}" for each in judges))] == []
"""
    run(tests, "--unjam", "--unjam-max-block=60s").assert_outcomes(passed=2)


def test_switched_off_by_the_environment_it_says_so(run, monkeypatch):
    """UNJAM=0 goes before `--unjam`: no test fails for its loop, and nobody believes that it was looked at."""
    monkeypatch.setenv("UNJAM", "0")
    result = run("def test_holds():\n    asyncio.run(holding())\n", "--unjam")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*unjam: no test is watched, for UNJAM=0 is set*"])
