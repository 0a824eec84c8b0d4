"""Servers that have workers: each watches itself, and one that is killed for being late leaves the culprit behind."""

import contextlib
import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from serving import answers, durations, serving, until

UVICORN = "uvicorn_worker.UvicornWorker"

# worker and application, path; who tells; the function that held, with what is known of it
KILLED = [
    (f"-k {UVICORN} workers_app:app", "/waits", "out of time", "waits -> time.sleep [UJ101 sleep], in GET"),
    (f"-k {UVICORN} workers_app:app", "/keeps-the-gil", "died", "keeps_the_gil -> sum [UJ303 cpu-native-gil]"),
    ("-k asgi workers_app:app", "/waits", "died", "waits -> time.sleep [UJ101 sleep]"),
    ("-k sync workers_app:wsgi", "/waits", "out of time", "waits"),
]


@pytest.mark.parametrize(("worker", "path", "how", "what"), KILLED)
def test_a_worker_killed_by_its_time_out_leaves_the_culprit(tmp_path, worker, path, how, what):
    """In gunicorn's own log, told by the worker or, where that is not able to, by the arbiter; and only once."""
    arguments = [*worker.split(), "--timeout", "4", "--graceful-timeout", "1", "--workers", "1"]
    with serving(tmp_path, "", server="gunicorn", arguments=arguments, env={"HOME": str(tmp_path)}) as served:
        with contextlib.suppress(OSError):
            served.get(path)
        until(lambda: re.search(rf"unjam: worker \d+ (is )?{how}", served.err), "gunicorn has not told")
        until(lambda: answers(served), "no other worker has come")
    told = re.findall(r"unjam: worker \d+ .*", served.err)
    assert len(told) == 1, served.err
    assert re.search(rf"at \S*workers_app\.py:\d+ {re.escape(what)}", told[0]), told


def test_all_workers_of_gunicorn_have_one_recording(tmp_path):
    """One folder for the arbiter's life, with a file for each worker, whose loop is uvloop's, as uvicorn takes it where it is there."""
    arguments = ["-k", UVICORN, "--workers", "2", "--graceful-timeout", "1", "workers_app:app"]
    with serving(tmp_path, "", server="gunicorn", arguments=arguments, env={"HOME": str(tmp_path)}):

        def events():
            files = tmp_path.glob(".unjam/*-gunicorn/*.jsonl")
            return [[json.loads(line) for line in file.read_text().split("\n")[:-1]] for file in files]

        def loops():
            return [event["type"] for each in events() for event in each if event["e"] == "loop"]

        until(lambda: len(loops()) > 1, "the workers do not record")
        expected = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"
        assert [kind.partition(".")[0] for kind in loops()] == [expected] * 2
    (_,) = tmp_path.glob(".unjam/*-gunicorn")
    assert [each[0]["e"] for each in events()] == ["process"] * 2


@pytest.mark.parametrize("arguments", [("--workers", "2"), ("--reload",)], ids=" ".join)
def test_every_worker_of_uvicorn_watches_itself(tmp_path, arguments):
    """With install=True nothing else is needed: the process that serves is watched from its lifespan on."""
    with serving(tmp_path, "starlette_app", arguments=arguments) as served:
        spent = [durations(served.get("/quick/1")[0]) for _ in range(4)]
    assert [set(each) for each in spent] == [{"loop", "loop-wait"}] * 4
