"""docs/web.md does what it says: its examples are run, in their order, as one program of each framework."""

import logging
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest
from quart import Quart

from unjam.errors import UsageError
from unjam.integrations import asgi, gunicorn
from unjam.integrations.django.options import Options, options_of
from unjam.integrations.web import RequestFields, current

PAGE = (Path(__file__).parents[3] / "docs/web.md").read_text()


def section(heading):
    """The examples below a heading, as one program."""
    text = PAGE.partition(f"\n## {heading}")[2].partition("\n## ")[0]
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.MULTILINE)
    return "\n".join(textwrap.dedent(block) for block in blocks)


def first_block(heading):
    """The first of them."""
    return section(heading).split("\nServer-Timing", 1)[0]


def run(source, **names):
    exec(compile(source, "docs/web.md", "exec"), names)
    return names


def test_the_middleware_goes_where_the_page_puts_it():
    """Into Starlette's and FastAPI's own list, or around any application."""
    from fastapi import FastAPI

    app = run(first_block("ASGI"), FastAPI=FastAPI)["app"]
    assert isinstance(app, asgi.UnjamMiddleware)
    assert [each.cls for each in app.app.user_middleware] == [asgi.UnjamMiddleware]


def test_a_filter_gives_log_lines_their_request():
    """The example adds it to a handler, and outside of a request it changes nothing."""
    handler = logging.StreamHandler()
    example = "from unjam" + section("Logs").partition("from unjam")[2]
    run(example, handler=handler)
    (added,) = handler.filters
    record = logging.makeLogRecord({})
    assert isinstance(added, RequestFields)
    assert added.filter(record)
    assert "unjam" not in vars(record)


def test_aiohttp_is_set_up():
    """Its middleware is the first."""
    from aiohttp import web

    app = run(section("aiohttp"), web=web)["app"]
    assert len(app.middlewares) == 1


def test_the_settings_of_django_are_options():
    """As the page gives them; a wrong name is told with the nearest one, a wrong value with what there is."""
    source = section("Django").partition("application")[0]
    assert options_of(SimpleNamespace(**run(source))) == Options(threshold="50ms", server_timing="durations")
    with pytest.raises(UsageError, match="did you mean 'threshold'"):
        options_of(SimpleNamespace(UNJAM={"treshold": "1s"}))
    with pytest.raises(UsageError, match="'sometimes' is not one of full, durations, off"):
        options_of(SimpleNamespace(UNJAM={"server_timing": "sometimes"}))


def test_quart_tells_its_routes():
    """The example names each request before it is handled."""
    app = Quart("page")
    run(section("Quart"), app=app, UnjamMiddleware=asgi.UnjamMiddleware, current=current, request=None)
    assert isinstance(app.asgi_app, asgi.UnjamMiddleware)
    assert [each.__name__ for each in app.before_request_funcs[None]] == ["named"]


def test_the_hooks_of_gunicorn_are_those_of_the_page():
    """Each hook that the module gives is named there, and is one that gunicorn knows."""
    from gunicorn.config import KNOWN_SETTINGS

    hooks = set(gunicorn.__all__)
    assert hooks <= {setting.name for setting in KNOWN_SETTINGS}
    assert {name for name in hooks if f"`{name}`" in PAGE} == hooks


def test_a_framework_that_is_missing_is_named():
    """The module of aiohttp says what to install."""
    source = "import sys; sys.modules['aiohttp'] = None; import unjam.integrations.aiohttp"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False)
    assert "NotAvailable: unjam.integrations.aiohttp needs aiohttp: pip install aiohttp" in done.stderr


@pytest.mark.parametrize(
    ("middleware", "codes"), [((), ["W001"]), (("x", "unjam"), ["W002", "W003"]), (("unjam",), [])]
)
def test_the_system_check_says_where_the_middleware_cannot_measure(middleware, codes):
    """Missing, behind others, or with others behind it that send every request through a thread."""
    program = f"""
        import sys, types
        from django.conf import settings
        from unjam.integrations.django.checks import MIDDLEWARE, check_middleware
        sys.modules["synchronous"] = types.SimpleNamespace(x=lambda following: following)
        names = {{"x": "synchronous.x", "unjam": MIDDLEWARE}}
        settings.configure(MIDDLEWARE=[names[name] for name in {middleware!r}])
        print(*[message.id for message in check_middleware(None)])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == [f"unjam.{code}" for code in codes], done.stderr
