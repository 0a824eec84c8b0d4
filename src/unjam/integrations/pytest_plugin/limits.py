"""What one test may do to its event loop, from the command line, the ini file and its marker; checked at the door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from unjam.errors import UsageError

if TYPE_CHECKING:
    from unjam.model.allowances import Allow

T = TypeVar("T")

LIMITS: pytest.StashKey[Limits] = pytest.StashKey()
"""The limits of a test, and those of a run for all tests without a marker, read once."""

MARK = "unjam"
WORDS = ("max_block", "fixtures", "allow", "hang", "off", "reason", "until")
"""What the marker takes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_block` as "50ms"; `fixtures` counts set-up and tear-down; `off` watches nothing; `hang_s` is 0 for never."""

    max_block: str
    fixtures: bool = False
    off: bool = False
    hang_s: float = 0.0
    allow: tuple[Allow, ...] = ()


def add_options(parser: pytest.Parser) -> None:
    """Add the options and the ini values of the same names."""
    group = parser.getgroup("unjam", "blocked event loops")
    group.addoption("--unjam", action="store_true", default=None, help="fail tests that hold an event loop")
    group.addoption("--unjam-max-block", metavar="TIME", help="how long a test may hold a loop at a stretch (50ms)")
    group.addoption("--unjam-fixtures", action="store_true", help="count what set-up and tear-down do, too")
    group.addoption(
        "--unjam-hang", metavar="TIME", help="fail a test that has not got on for so long; says who waits for whom"
    )
    group.addoption(
        "--unjam-warm", action="store_true", help="run a test that would fail again: first use fails nobody"
    )
    parser.addini("unjam", "fail tests that hold an event loop", type="bool", default=False)
    parser.addini("unjam_max_block", "how long a test may hold a loop at a stretch", default="50ms")
    parser.addini("unjam_fixtures", "count what set-up and tear-down do, too", type="bool", default=False)
    parser.addini("unjam_hang", "fail a test that has not got on for so long (0: never)", default="0")
    parser.addini("unjam_warm", "run a test that would fail again", type="bool", default=False)


def is_on(config: pytest.Config) -> bool:
    """Whether tests are watched: by option, ini, or because hangs are to be found."""
    asked = config.getoption("--unjam")
    if asked is None:
        return bool(config.getini("unjam")) or bool(config.getoption("--unjam-hang"))
    return bool(asked)


def judges(config: pytest.Config) -> bool:
    """Whether held loops fail tests; with `--unjam-hang` alone they do not."""
    return bool(config.getoption("--unjam")) or bool(config.getini("unjam"))


def is_warm(config: pytest.Config) -> bool:
    """Whether a test that would fail is run again."""
    return bool(config.getoption("--unjam-warm") or config.getini("unjam_warm"))


def default_max_block(config: pytest.Config) -> str:
    """The limit of a test without one of its own."""
    return str(config.getoption("--unjam-max-block") or config.getini("unjam_max_block"))


def counts_fixtures(config: pytest.Config) -> bool:
    """Whether set-up and tear-down count where a marker does not say."""
    return bool(config.getoption("--unjam-fixtures") or config.getini("unjam_fixtures"))


def check_options(config: pytest.Config) -> None:
    """Raise pytest.UsageError for a value that cannot be."""
    _parsed_block(default_max_block(config), "--unjam-max-block")
    _hang_s(_default_hang(config), "--unjam-hang")


def limits(item: Any) -> Limits:
    """What the test may do, by its marker or the defaults. Raises pytest.UsageError for a marker that says something else."""
    config, mark = item.config, item.get_closest_marker(MARK)
    if mark is None:
        return _usual_limits(config)
    words = _words(item.nodeid, mark)
    max_block = str(words.get("max_block", default_max_block(config)))
    _parsed_block(max_block, f"{item.nodeid}: max_block")
    return Limits(
        max_block,
        fixtures=bool(words.get("fixtures", counts_fixtures(config))),
        off=bool(words.get("off")),
        hang_s=_hang_s(str(words.get("hang", _default_hang(config))), f"{item.nodeid}: hang"),
        allow=_allowed(item.nodeid, words),
    )


def is_marked(item: pytest.Item) -> bool:
    """Whether the test, its class or its module may have the marker: marks are keywords, too, and looked up in a tenth of the time."""
    return MARK in item.keywords


def _usual_limits(config: pytest.Config) -> Limits:
    """Those of every test without a marker."""
    found = config.stash.get(LIMITS, None)
    if found is None:
        found = config.stash[LIMITS] = Limits(
            default_max_block(config), fixtures=counts_fixtures(config), hang_s=hang_s_of(config)
        )
    return found


def _words(nodeid: str, mark: pytest.Mark) -> dict[str, Any]:
    unknown = sorted(set(mark.kwargs) - set(WORDS))
    if mark.args or unknown:
        what = "a value without a name"
        if unknown:
            from difflib import get_close_matches

            near = get_close_matches(unknown[0], WORDS, n=1)
            what = f"{unknown[0]}=" + (f"; did you mean {near[0]}=?" if near else "")
        takes = ", ".join(f"{word}=" for word in WORDS)
        raise pytest.UsageError(f"{nodeid}: @pytest.mark.unjam takes {takes}, not {what}")
    for word in ("off", "allow"):
        if mark.kwargs.get(word) and not str(mark.kwargs.get("reason") or "").strip():
            shown = "off=True" if word == "off" else "allow=..."
            raise pytest.UsageError(f"{nodeid}: @pytest.mark.unjam({shown}) needs a reason=")
    for word in ("off", "fixtures"):
        if not isinstance(mark.kwargs.get(word, False), bool):
            raise pytest.UsageError(f"{nodeid}: @pytest.mark.unjam: {word} must be True or False")
    return dict(mark.kwargs)


def _allowed(nodeid: str, words: dict[str, Any]) -> tuple[Allow, ...]:
    """The marker's allowances, of the same kind as those of `[tool.unjam]`."""
    codes = words.get("allow") or ()
    if not codes:
        return ()
    from unjam.knowledge.allowing import check_code, check_until
    from unjam.model.allowances import Allow

    listed = (codes,) if isinstance(codes, str) else tuple(codes)
    what = f"{nodeid}: @pytest.mark.unjam"
    until = _usage(lambda: check_until(words.get("until"), what=f"{what}: until"))
    checked = _usage(lambda: [check_code(code, what=what) for code in listed])
    named = f"{nodeid}: the marker's allowance of {{}}"
    return tuple(Allow(code, "*", str(words["reason"]), until, named.format(code)) for code in checked)


def limits_of(item: pytest.Item) -> Limits:
    """As `limits`, read once."""
    if not is_marked(item):
        return _usual_limits(item.config)
    found = item.stash.get(LIMITS, None)
    if found is None:
        found = item.stash[LIMITS] = limits(item)
    return found


def hang_s_of(config: pytest.Config) -> float:
    """How long a test may not get on, in seconds; 0 for ever."""
    return _hang_s(_default_hang(config), "--unjam-hang")


def _default_hang(config: pytest.Config) -> str:
    return str(config.getoption("--unjam-hang") or config.getini("unjam_hang"))


def _hang_s(text: str, what: str) -> float:
    """Seconds; 0 for "0", which means never."""
    return 0.0 if text.strip() == "0" else _duration(text, what) / 1e9


def _parsed_block(text: str, what: str) -> int:
    from unjam.model.settings import SHORTEST_THRESHOLD_NS

    nanoseconds = _duration(text, what)
    if nanoseconds < SHORTEST_THRESHOLD_NS:
        raise pytest.UsageError(f"{what} {text!r} is below 1ms, the shortest that can be watched")
    return nanoseconds


def _duration(text: str, what: str) -> int:
    from unjam.model.durations import parse_duration

    return _usage(lambda: parse_duration(text, what=what))


def _usage(checked: Callable[[], T]) -> T:
    """What a check returns; its refusal as pytest's own."""
    try:
        return checked()
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
