"""Test files run by a pytest of their own, with no plugin but ours and those that the test names."""

import pytest

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


ALONE = ("-p", "no:cacheprovider", "-p", "unjam.integrations.pytest_plugin")
"""No plugin but ours, beside PYTEST_DISABLE_PLUGIN_AUTOLOAD."""


@pytest.fixture(autouse=True)
def _no_other_plugins(monkeypatch):
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture
def alone(pytester):
    """Run pytest in this process, for what ends before a test runs."""
    return lambda *options: pytester.runpytest_inprocess(*ALONE, *options)


@pytest.fixture
def run(pytester):
    """Run a test file: `run(tests, "--unjam", plugins=["xdist"], ini="unjam = true")`."""

    def run(tests, *options, plugins=(), ini="", **files):
        pytester.makepyfile(test_it=HOLDS + tests, **files)
        if ini:
            pytester.makeini(f"[pytest]\n{ini}\n")
        named = [word for plugin in plugins for word in ("-p", plugin)]
        return pytester.runpytest_subprocess(*ALONE, *named, *options, timeout=100)

    return run


@pytest.fixture
def outcomes():
    """What became of each test of a verbose run, by name."""

    def outcomes(result):
        words = [line.split() for line in result.outlines if line.startswith("test_it.py::") and len(line.split()) > 1]
        return {word[0].rpartition("::")[2]: word[1].lower() for word in words if word[1].isupper()}

    return outcomes
