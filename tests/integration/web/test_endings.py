"""Servers that are told to end: what their last requests and their shutting down held is told, once, and before they are gone."""

import re
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from serving import READY_S, serving

GUNICORN = [*"-k uvicorn_worker.UvicornWorker --workers 1 --graceful-timeout 20 ending_app:app".split()]

SERVERS = [
    ("uvicorn", (), signal.SIGTERM),
    ("uvicorn", (), signal.SIGINT),
    ("gunicorn", GUNICORN, signal.SIGTERM),
]


@pytest.mark.parametrize(("server", "arguments", "number"), SERVERS)
def test_the_last_stalls_of_a_server_are_logged(tmp_path, server, arguments, number):
    """Before logging itself ends, after which a file is written to no more; nothing is told twice, and nothing raises."""
    env = {"HOME": str(tmp_path)}
    with serving(tmp_path, "ending_app", server=server, arguments=arguments, env=env) as served:
        served.get("/hold")
        served.process.send_signal(number)
        served.process.wait(READY_S)
        log = (tmp_path / "log").read_text()
    told = re.findall(r"^stall \d+ ms \S*ending_app\.py:\d+ (\w+) -> time\.sleep \[UJ101 sleep\]", log, re.MULTILINE)
    assert ["answer", "shut_down"] == told, log + served.err
    assert "Traceback" not in served.err
    assert "unjam" not in served.err, served.err
