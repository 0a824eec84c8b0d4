"""Which processes are meant by a name."""

import pytest

from unjam.control import targets
from unjam.errors import UsageError

COMMANDS = {
    10: ["/usr/bin/python", "/venv/bin/uvicorn", "app:app", "--workers", "2"],
    11: ["/usr/bin/python", "-c", "from multiprocessing.spawn import spawn_main", "--multiprocessing-fork"],
    12: ["/usr/bin/python", "worker.py"],
}


@pytest.fixture(autouse=True)
def processes(monkeypatch):
    monkeypatch.setattr(targets, "find_sockets", lambda *_: [11, 12])
    monkeypatch.setattr(targets, "command", lambda pid: COMMANDS.get(pid, []))
    monkeypatch.setattr(targets, "ancestors", lambda pid: {11: [10, 1], 12: [1]}[pid])


def test_a_worker_bears_the_name_of_who_started_it():
    """What multiprocessing starts has no name of its own."""
    assert targets.choose(name="uvicorn") == [11]


def test_a_name_of_its_own_comes_first():
    """A script is known by its file, with and without its ending."""
    assert targets.choose(name="worker.py") == targets.choose(name="worker") == [12]


def test_what_nobody_is_called_is_said():
    """With those that there are."""
    with pytest.raises(UsageError, match="no watched process is called 'gunicorn'"):
        targets.choose(name="gunicorn")
