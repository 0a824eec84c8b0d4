"""The facts agree with themselves and with what is installed."""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import inspect
import re
import sys
from collections import Counter

import pytest

from unjam.knowledge import index
from unjam.knowledge.records import PAGE_HEADINGS, Call, Gil, Weight
from unjam.knowledge.remedies import INSTEAD_OF_THE_RULES, REMEDIES, UNKNOWN_CAUSE
from unjam.knowledge.types import file_type

RULES = index.rules()
CALLS = index.calls()

ONLY_TYPED = re.compile(
    r"(threading\.(R?Lock|Condition)|_thread\.(lock|LockType|RLock)|multiprocessing\.synchronize\.\w+|_socket\.socket|sys\.stdin|subprocess\.Popen\.std(out|err))\."
)
"""Names that type checkers resolve to although the class behind them differs from version to version."""
SINCE = {"re.prefixmatch": (3, 15), "re.Pattern.prefixmatch": (3, 15)}
"""Names that older interpreters do not have; there `re.match` is the same by its old name."""
NOT_PYTHON = {"hashlib.new", "importlib.__import__", "redis.Redis.decr"}
"""Names bound to a function of another name."""


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _found(name: str) -> object:
    """The object of that name; LookupError where it is not there."""
    parts = name.removesuffix(".*").split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ImportError:
            continue
        for part in parts[length:]:
            found = getattr(found, part, None)
            if found is None:
                raise LookupError(name)
        return found
    raise LookupError(name)


def _module(file: str) -> str:
    inside = re.sub(r"^.*?(site-packages|lib/python3\.\d+)/(site-packages/)?", "", file)
    frozen = re.fullmatch(r"<frozen (.+)>", file)
    return frozen[1] if frozen else inside.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def test_every_rule_of_the_design_has_a_page():
    """No rule is without a text for any heading of its page."""
    codes = [rule.code for rule in RULES]
    assert sorted(codes) == codes
    assert len(codes) == 34
    for rule in RULES:
        texts = (rule.what, rule.why, rule.looks, rule.todo, rule.costs, rule.allow)
        assert len(PAGE_HEADINGS) == len(texts)
        assert all(text.strip() for text in (*texts, rule.title, rule.one, rule.many)), rule.code


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_messages_use_known_fields(rule):
    """A message form holds no field that a finding cannot fill."""
    known = {name: name for name in ("leaf", "culprit", "task", "thread", "ms")}
    assert rule.one.format_map(known)
    assert rule.many.format_map(known)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_allowance_names_the_rule_in_every_form(rule):
    """The page of a rule shows how to allow exactly that rule, in source, in a project and at run time."""
    for form in (f"allow[{rule.code}]", f'rule = "{rule.code}"', f'unjam.allow("{rule.code}"'):
        assert form in rule.allow


def test_every_finding_ends_in_something_to_do():
    """Each rule advises something that exists, and each remedy says its cost."""
    for rule in RULES:
        assert rule.advice, rule.code
        assert set(rule.advice) <= set(REMEDIES), rule.code
    assert {call.remedy for call in CALLS if call.remedy} <= set(REMEDIES)
    assert all(advice.cost for advice in REMEDIES.values())


def test_no_remedy_is_unused():
    """A remedy that nothing advises is dead data."""
    used = {key for rule in RULES for key in rule.advice} | {call.remedy for call in CALLS} | set(UNKNOWN_CAUSE)
    used |= {key for own, others in INSTEAD_OF_THE_RULES.items() for key in (own, *others)}
    assert set(REMEDIES) - used == set()


def test_a_thread_is_never_advised_where_it_cannot_help():
    """UJ303 keeps the GIL: neither the rule nor a call of it may advise a thread."""
    keys = {*index.rule("UJ303").advice, *(call.remedy for call in index.by_code("UJ303") if call.remedy)}
    for key in keys:
        assert "to_thread" not in REMEDIES[key].text, key
    assert "native-thread" in index.rule("UJ302").advice


def test_names_are_unique():
    """One name has one record."""
    assert [name for name, count in Counter(call.name for call in CALLS).items() if count > 1] == []


def test_claims_about_the_gil_have_a_source():
    """Who says that a call releases or keeps the GIL must name where that can be read."""
    assert [call.name for call in CALLS if call.gil is not Gil.UNKNOWN and not call.source] == []


def test_cpu_rules_follow_the_gil():
    """UJ302 never keeps the GIL, UJ303 never releases it."""
    assert [call.name for call in index.by_code("UJ302") if call.gil is Gil.KEEPS] == []
    assert [call.name for call in index.by_code("UJ303") if call.gil is Gil.RELEASES] == []


def _complaint(call: Call) -> str:
    """What is wrong with that record where its package is installed, "" if nothing is."""
    try:
        found = _found(call.name)
    except LookupError:
        return f"{call.name}: no such name"
    if inspect.iscoroutinefunction(found):
        return f"{call.name}: an async function does not block"
    function = inspect.unwrap(found) if callable(found) and not isinstance(found, type) else found
    function = getattr(function, "__func__", function)
    if not inspect.isfunction(function) or call.name in NOT_PYTHON or call.name.endswith(".*"):
        return ""
    code = function.__code__
    seen = index.by_frame(_module(code.co_filename), code.co_qualname)
    rule = seen.rule if seen else "no record"
    return "" if rule == call.rule else f"{call.name}: {_module(code.co_filename)}:{code.co_qualname} leads to {rule}"


@pytest.mark.parametrize("package", sorted(filter(_installed, {call.name.split(".")[0] for call in CALLS})))
def test_names_exist_where_installed(package):
    """A name that its installed package does not have, or whose frame leads elsewhere, is a missed alarm in waiting."""
    here = [call for call in CALLS if sys.version_info >= SINCE.get(call.name, (3, 0))]
    mine = [call for call in here if call.name.split(".")[0] == package and not ONLY_TYPED.match(call.name)]
    assert [complaint for complaint in map(_complaint, mine) if complaint] == []


def test_lookup_by_name():
    """A builtin needs no prefix, a constructor is known by its class, an unknown name is None."""
    assert index.by_name("open") is index.by_name("builtins.open") is not None
    assert index.by_name("httpx.AsyncClient.__init__") is index.by_name("httpx.AsyncClient") is not None
    assert index.by_name("no.such.thing") is None
    assert hasattr(builtins, "open")


@pytest.mark.parametrize("name", ["zeroconf.Zeroconf", "pytube.YouTube", "pytube.Search", "httpx.Request"])
def test_what_only_makes_an_object_has_no_record(name):
    """Where the methods of a client wait, making one need not: a Zeroconf attaches itself to the loop that runs."""
    assert index.by_name(name) is None


def test_lookup_by_frame():
    """The place where a call really runs leads to the name by which users know it."""
    assert index.by_frame("requests.api", "get").name == "requests.get"
    assert index.by_frame("json", "dumps").name == "json.dumps"
    assert index.by_frame("wikipedia.wikipedia", "page").name == "wikipedia.page"
    assert index.by_frame("clickhouse_connect.driver", "create_client").name == "clickhouse_connect.get_client"
    assert index.by_frame("concurrent.futures._base", "Future.result").name == "concurrent.futures.Future.result"
    assert index.by_frame("asyncio.base_events", "BaseEventLoop._run_once") is None


def test_microseconds_are_told_from_network():
    """What is cheaper than a hop to a thread is marked so: it is hidden by default."""
    assert index.by_name("os.path.exists").weight is Weight.MICROSECONDS
    assert index.by_name("requests.get").weight is Weight.UNBOUNDED


@pytest.mark.parametrize("mode", ["r", "w", "r+", "rb", "wb", "ab", "xb", "rb+", "w+b"])
def test_the_type_of_a_file_is_that_of_its_mode(mode, tmp_path):
    """As open() itself has it."""
    path = tmp_path / "file"
    if mode[0] != "x":
        path.touch()
    with path.open(mode) as file:
        assert file_type(mode) == f"io.{type(file).__name__}"
