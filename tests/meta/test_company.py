"""Laws of how the tests are run: what is marked serial is judged beside others first, and where it does not pass, once more alone."""

from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"

TESTS = """
import os
import pytest

alone = "PYTEST_XDIST_WORKER" not in os.environ

@pytest.fixture(scope="module")
def shared():
    with open("made", "a") as file:
        file.write("x")

def test_plain(shared):
    pass

def test_wrong():
    assert False

@pytest.mark.serial
def test_needs_quiet(shared):
    assert alone

@pytest.mark.serial
@pytest.mark.parametrize("n", ["a b", "a@b"])
def test_has_enough(shared, n):
    pass

@pytest.mark.serial
def test_finds_no_quiet_beside_others():
    if not alone:
        pytest.skip("no CPU")

@pytest.mark.serial
def test_fails_anywhere():
    assert False
"""


@pytest.fixture
def suite(pytester, monkeypatch):
    """Run a suite under these tests' conftest: `suite("--put-off=noted")`."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    pytester.makeini("[pytest]\nmarkers = serial\n")
    tests = pytester.mkdir("tests")
    tests.joinpath("conftest.py").write_text(CONFTEST.read_text())
    tests.joinpath("test_rules.py").write_text(TESTS)

    def suite(*options):
        return pytester.runpytest_subprocess("-p", "xdist", "-p", "no:cacheprovider", "-rs", *options, timeout=100)

    return suite


def test_what_does_not_pass_beside_others_is_judged_alone(suite, pytester):
    """It counts as neither passed nor failed there, says why, and is run again; what is not marked so fails at once.

    What a module shares is made by one worker.
    """
    beside = suite("-n", "2", "--put-off=noted")
    beside.assert_outcomes(passed=3, failed=1, skipped=3)
    beside.stdout.fnmatch_lines(["*runs again alone; beside others: *no CPU*"])
    noted = {line.rpartition("::")[2] for line in (pytester.path / "noted").read_text().splitlines()}
    assert noted == {"test_needs_quiet", "test_finds_no_quiet_beside_others", "test_fails_anywhere"}
    assert (pytester.path / "made").read_text() == "x"
    (pytester.path / "tests/test_other.py").write_text("raise RuntimeError('read for nothing')\n")
    suite("--only-put-off=noted").assert_outcomes(passed=2, failed=1, deselected=4)


def test_what_shares_is_there(request):
    """A module that has got another name would be made by each worker again."""
    (conftest,) = (plugin for plugin in request.config.pluginmanager.get_plugins() if hasattr(plugin, "SHARING"))
    assert {path.name for path in CONFTEST.parent.rglob("test_*.py")} >= conftest.SHARING
