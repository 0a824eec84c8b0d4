"""Servers as they are started by hand, and a client that knows when to send."""

import contextlib
import http.client
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from loopback import own_address

APPS = Path(__file__).parent / "apps"
READY_S = 60.0

COMMANDS = {
    "uvicorn": [
        "-m",
        "uvicorn",
        "{app}:app",
        "--host",
        "{host}",
        "--port",
        "{port}",
        "--log-level",
        "warning",
        "--loop",
        "{loop}",
    ],
    "hypercorn": ["-m", "hypercorn", "{app}:app", "--bind", "{host}:{port}", "--worker-class", "{loop}"],
    "granian": [
        "-m",
        "granian",
        "{app}:app",
        "--interface",
        "asgi",
        "--host",
        "{host}",
        "--port",
        "{port}",
        "--loop",
        "{loop}",
    ],
    "gunicorn": ["-m", "gunicorn", "-c", "python:unjam.integrations.gunicorn", "-b", "{host}:{port}"],
    "itself": ["{app}.py", "{host}", "{port}"],
}


class Served:
    """A server that answers: its process, its address, and what it wrote to stderr so far."""

    def __init__(self, address, process, folder):
        self.address, self.process, self.folder = address, process, folder
        self.flag, self.held = folder / "flag", folder / "flag.held"
        self.took_ms = 0.0

    @property
    def err(self):
        return (self.folder / "err").read_text()

    def get(self, path):
        """(headers, body) of an answer; the body as JSON where it is."""
        connection = http.client.HTTPConnection(*self.address, timeout=READY_S)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return answer_of(connection.getresponse())

    def late(self, path="/quick/5", block="/block/7", held_for=0.0):
        """The answer, after `took_ms`, to a request that was sent when another one had held the loop for so many seconds."""
        blocking = http.client.HTTPConnection(*self.address, timeout=READY_S)
        waiting = http.client.HTTPConnection(*self.address, timeout=READY_S)
        with contextlib.closing(blocking), contextlib.closing(waiting):
            # Connections that are open already, so that what waits is the request alone; and more requests on them than on new
            # ones, so that the engine has seen how many turns the server takes from the bytes to the handler.
            for connection in (blocking, *[waiting] * 12):
                connection.request("GET", "/told")
                connection.getresponse().read()
            blocking.request("GET", block)
            until(self.held.exists, "the loop is not held")
            time.sleep(held_for)
            sent = time.monotonic()
            waiting.request("GET", path)
            self.flag.touch()
            answer = answer_of(waiting.getresponse())
            self.took_ms = (time.monotonic() - sent) * 1e3
            blocking.getresponse().read()
            self.flag.unlink()
            self.held.unlink()
            return answer


def answer_of(response):
    body = response.read()
    with contextlib.suppress(ValueError):
        body = json.loads(body)
    return response, body


def until(condition, why):
    end = time.monotonic() + READY_S
    while not (found := condition()):
        assert time.monotonic() < end, why
        time.sleep(0.02)
    return found


def durations(response):
    """{metric: ms} of the Server-Timing headers."""
    value = ", ".join(response.headers.get_all("Server-Timing") or [])
    return {name: float(ms) for name, ms in re.findall(r"([\w-]+);dur=([\d.]+)", value)}


@contextlib.contextmanager
def serving(folder, app, *, server="uvicorn", loop="asyncio", arguments=(), python=sys.executable, env=None):
    """Start a server and wait until it answers."""
    host, port = own_address()
    command = [part.format(app=app, host=host, port=port, loop=loop) for part in COMMANDS[server]]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("UNJAM", "PYTEST"))}
    environ = {
        **inherited,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(APPS), inherited.get("PYTHONPATH")])),
        "FLAG": str(folder / "flag"),
        "PYTHONUNBUFFERED": "1",
        **(env or {}),
    }
    if server == "itself":
        command[0] = str(APPS / command[0])
    with (folder / "err").open("w") as err:
        process = subprocess.Popen([python, *command, *arguments], env=environ, cwd=folder, stdout=err, stderr=err)
    served = Served((host, port), process, folder)
    try:
        until(lambda: answers(served), f"{server} does not answer")
        yield served
    finally:
        process.terminate()
        process.wait(READY_S)


def answers(served):
    assert served.process.poll() is None, served.err
    try:
        served.get("/told")
    except OSError:
        return False
    return True
