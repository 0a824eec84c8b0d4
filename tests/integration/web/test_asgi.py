"""Real requests to real servers: each knows its own time, its wait, and because of whom; and whom it made late."""

import json
import re
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from serving import durations, serving, until

from unjam.probes.arrivals import TICK_NS

COMBINATIONS = [
    ("starlette_app", "uvicorn", "asyncio"),
    ("starlette_app", "uvicorn", "uvloop"),
    ("fastapi_app", "uvicorn", "uvloop"),
    ("litestar_app", "uvicorn", "asyncio"),
    ("quart_app", "hypercorn", "asyncio"),
    ("starlette_app", "hypercorn", "uvloop"),
    ("django_app", "uvicorn", "uvloop"),
    ("starlette_app", "granian", "asyncio"),
    ("starlette_app", "granian", "uvloop"),
    ("aiohttp_app", "itself", "asyncio"),
]

ROUTES = {
    "quart_app": ("GET /quick/<int:number>", "GET /block/<int:number>"),
    "django_app": ("GET quick/<int:number>", "GET block/<int:number>"),
}


@pytest.mark.parametrize(("app", "server", "loop"), COMBINATIONS)
def test_a_late_request_knows_who_made_it_late(tmp_path, app, server, loop):
    """Header, fields and the culprit's own count agree; the line that held the loop is there once the stall is understood."""
    quick, block = ROUTES.get(app, ("GET /quick/{number}", "GET /block/{number}"))
    with serving(tmp_path, app, server=server, loop=loop) as served:
        began = time.monotonic()
        response, fields = served.late()
        all_ms = (time.monotonic() - began) * 1e3
        spent = durations(response)
        told = until(lambda: understood(served, quick, block), "the stall is not understood")
    assert response.status == 200
    assert (fields["route"], fields["late_by"]) == (quick, block)
    assert spent["loop-wait"] >= 110
    assert spent["loop-wait"] + spent["loop"] <= all_ms  # no time is both
    assert f'desc="{block}"' in ", ".join(response.headers.get_all("Server-Timing"))
    culprit, lines = told[block], lines_of(told[quick], block)
    assert culprit["own_ms"] >= 110
    assert culprit["made_late"] >= 1  # one that is answered, but whose handler is not over, may be another
    assert lines == {"held"}


@pytest.mark.skipif(not TICK_NS, reason="needs Linux's clock of a connection")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_request_waits_from_when_it_came(tmp_path, loop):
    """That the loop was held long before is not its wait: it is within the whole request, but for how finely the system times arrivals."""
    with serving(tmp_path, "starlette_app", loop=loop) as served:
        response, fields = served.late(held_for=0.3)
    most_ms = served.took_ms + 3 * TICK_NS / 1e6
    assert most_ms >= durations(response)["loop-wait"] >= 110
    assert fields["late_ms"] <= most_ms


def understood(served, quick, block):
    """The requests told by route, once the line of that stall is there."""
    told = {each["route"]: each for each in served.get("/told")[1] if each is not None}
    return told if lines_of(told[quick], block) else None


def lines_of(victim, holder):
    """Where that holder made it late; a wait for a CPU, which there may be as well on a busy machine, has no line."""
    return {late["function"] for late in victim["late"] if late["by"] == holder} - {None}


@pytest.fixture(scope="module")
def starlette(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("starlette"), "starlette_app") as served:
        yield served


def test_names_are_templates_also_below_a_mount(starlette):
    """No path, identifier or query of a request is told, whatever the route."""
    paths = ("/quick/secret-1?token=secret-2", "/mounted/quick/secret-3", "/secret-4")
    answers = [starlette.get(path) for path in paths]
    assert "secret" not in json.dumps([body for _, body in answers[:2]])
    assert "secret" not in str([str(response.headers) for response, _ in answers])


def test_a_log_line_of_a_request_knows_it(starlette):
    """The filter of the page, in a handler of the program's own: the route, and what the request took until then."""
    _, field = starlette.get("/logs/secret-1")
    assert field["route"] == "GET /logs/{number}"
    assert {"late_by", "made_late", "held_ms"} <= set(field)
    assert field["own_ms"] > 0 <= field["waited_ms"]


def test_a_stall_of_a_request_is_one_line_of_the_log(starlette):
    """Who held the loop, for how long, where and how, and whom it made late: one line that can be searched for."""
    culprit = r"GET /block/\{number\} held the loop \d+ ms at \S*scene\.py:\d+ held -> \S+ \[UJ\d+ [\w-]+\]"
    victims = r"\d+ other requests? late by up to \d+ ms \(.*GET /quick/\{number\}"

    def told():
        starlette.late()  # now and then a busy machine takes longer than what it is to be late for
        return re.search(f"{culprit}, {victims}", starlette.err)

    until(told, "the log has no such line")


def test_a_request_that_fails_is_over(starlette):
    """An exception goes its way, and the request counts no more."""
    response, _ = starlette.get("/fails/1")
    assert response.status == 500
    until(lambda: "ValueError: a secret" in starlette.err, "the server does not tell of the exception")
    first = told_of(starlette, "GET /fails/{number}")
    assert first == told_of(starlette, "GET /fails/{number}")


def told_of(served, route):
    return [each for each in served.get("/told")[1] if each is not None and each["route"] == route]


def test_a_websocket_is_counted_as_long_as_it_lives(starlette):
    """Its own time grows with each message."""
    from websockets.sync.client import connect

    host, port = starlette.address
    with connect(f"ws://{host}:{port}/socket/9") as socket:
        told = []
        for _ in range(3):
            socket.send("")
            told.append(json.loads(socket.recv(timeout=60)))
    assert [each["route"] for each in told] == ["WEBSOCKET /socket/{number}"] * 3
    assert told[0]["own_ms"] < told[1]["own_ms"] < told[2]["own_ms"]


def test_without_a_monitor_requests_pass(tmp_path):
    """It is said once, nothing is measured, and no header is sent."""
    app = tmp_path / "plain.py"
    app.write_text(
        "from unjam.integrations.asgi import UnjamMiddleware\n"
        "async def answer(scope, receive, send):\n"
        "    if scope['type'] == 'http':\n"
        "        await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "        await send({'type': 'http.response.body', 'body': str('unjam' in scope.get('state', {})).encode()})\n"
        "app = UnjamMiddleware(answer)\n"
    )
    with serving(tmp_path, "plain", env={"PYTHONPATH": str(tmp_path)}) as served:
        answers = [served.get("/") for _ in range(3)]
        err = served.err
    assert [(body, durations(response)) for response, body in answers] == [(b"False", {})] * 3
    assert err.count("requests are not measured") == 1
