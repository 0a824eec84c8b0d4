"""Laws of allowances: what is allowed is no accusation, and is told with its cost and its reason all the same."""

import datetime as dt

import pytest

import unjam
from unjam.diagnosis.allowances import Allowances, notices, sort_out
from unjam.diagnosis.source import Sources
from unjam.errors import UsageError
from unjam.model.allowances import Allow, comment_in, covers
from unjam.model.findings import Finding, Grade, Link, Location

FILE = "/srv/app/export.py"

SOURCE = """import time, unjam

def plain():
    time.sleep(1)

def by_line():
    time.sleep(1)  # unjam: allow[UJ101] start-up only

def by_def():  # unjam: allow[UJ1, UJ303] legacy
    time.sleep(1)

def by_block():
    with unjam.allow("UJ101", reason="known"):
        time.sleep(1)
    time.sleep(1)

@unjam.allow("UJ101", reason="decorated")
async def by_decorator():
    time.sleep(1)

def by_line_that_ends():
    time.sleep(1)  # unjam: allow[UJ101] old API until 2027-06-30

@unjam.allow("UJ101", reason="old API", until="2027-06-30")
def by_decorator_that_ends():
    time.sleep(1)
"""

LINES = {
    "plain": 4,
    "by_line": 7,
    "by_def": 10,
    "by_block": 14,
    "by_decorator": 19,
    "by_line_that_ends": 22,
    "by_decorator_that_ends": 26,
}


def finding(function, line, rule="UJ101"):
    link = Link(FILE, line, function, "user")
    return Finding(rule, "sleep", Grade.EXACT, "", culprit=Location(FILE, line, function), chain=(link,))


def judged(found, *tables, today=None):
    """The reasons of what is allowed, and the sentences about allowances."""
    sources = Sources(lambda file: tuple(SOURCE.splitlines()) if file == FILE else None)
    allowances = Allowances(tables, "/srv", today)
    done = sort_out([found], sources, allowances)
    return [allowed.reason for allowed in done.allowed], list(notices(done, allowances))


def reasons(found, *tables):
    return judged(found, *tables)[0]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("plain", []),
        ("by_line", ["start-up only"]),
        ("by_def", ["legacy"]),
        ("by_block", ["known"]),
        ("by_decorator", ["decorated"]),
    ],
)
def test_the_source_around_the_line_allows(function, expected):
    """A comment at the line or at its function, a block around it, a decorator."""
    assert expected == reasons(finding(function, LINES[function]))


def test_an_allowance_is_narrow():
    """Another rule, and the line after the block, are accused as ever."""
    assert [] == reasons(finding("by_line", 7, rule="UJ104"))
    assert [] == reasons(finding("by_block", 15))


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (Allow("UJ101", "app/*.py", "batch"), ["batch"]),
        (Allow("UJ101", "app/export.py::plain", "one function"), ["one function"]),
        (Allow("UJ101", "app/export.py::other", "x"), []),
        (Allow("UJ1", "*", "a family"), ["a family"]),
        (Allow("UJ104", "*", "x"), []),
        (Allow("UJ101", "web/*.py", "x"), []),
    ],
)
def test_a_table_of_the_settings_allows_a_place(table, expected):
    """Rule, path below the project, function."""
    assert expected == reasons(finding("plain", 4), table)


def test_an_allowance_ends():
    """The day after `until` it has expired."""
    allow = Allow("UJ101", "*", "", dt.date(2027, 6, 30))
    assert [False, True] == [allow.has_expired(dt.date(2027, 6, 30)), allow.has_expired(dt.date(2027, 7, 1))]


LAST, AFTER = dt.date(2027, 6, 30), dt.date(2027, 7, 1)


@pytest.mark.parametrize(("function", "line"), [("by_line_that_ends", 22), ("by_decorator_that_ends", 24)])
def test_an_allowance_in_source_ends_too(function, line):
    """On its last day it holds; on the next one the rule counts again, and the allowance is named with its line."""
    found = finding(function, LINES[function])
    assert (["old API"], []) == judged(found, today=LAST)
    said = f"app/export.py:{line}: the allowance of UJ101 expired on 2027-06-30"
    assert ([], [said]) == judged(found, today=AFTER)


def test_tables_that_are_litter_are_named():
    """What nothing used, what has expired and what gives no reason; what is of use is not spoken of."""
    tables = (
        Allow("UJ101", "app/*.py", "batch"),
        Allow("UJ104", "app/*.py", "batch"),
        Allow("UJ101", "*", "was", dt.date(2020, 1, 1)),
    )
    used, said = judged(finding("plain", 4), *tables, today=LAST)
    assert ["batch"] == used
    assert said == [
        "[[tool.unjam.allow]] UJ104 in app/*.py: nothing in this run used it",
        "[[tool.unjam.allow]] UJ101 in *: expired on 2020-01-01",
    ]
    assert ([""], ["[[tool.unjam.allow]] UJ1 in *: it gives no reason"]) == judged(
        finding("plain", 4), Allow("UJ1", "*")
    )


def test_a_comment_is_read_as_it_is_written():
    """Several codes, a reason, and no allowance in an ordinary comment."""
    comment = comment_in("x()  # unjam: allow[UJ101, UJ2] because")
    assert (("UJ101", "UJ2"), "because") == (comment.codes, comment.reason)
    assert comment_in("x()  # allow[UJ101]") is None
    ending = comment_in("x()  # unjam: allow[UJ1] old API (until 2027-06-30)")
    assert ("old API", "2027-06-30") == (ending.reason, ending.until)
    assert [True, False, False] == [covers(("UJ2",), "UJ201"), covers(("UJ2",), "UJ301"), covers(("E501",), "E501")]


def test_the_block_is_checked_at_the_door():
    """A rule that is none is refused with the nearest one, as is an empty reason; a good one changes nothing."""
    with pytest.raises(UsageError, match=r"no rule 'UJ110', did you mean UJ1\d\d\?"):
        unjam.allow("UJ110", reason="x")
    with pytest.raises(UsageError, match="needs a reason"):
        unjam.allow("UJ101", reason=" ")
    with pytest.raises(UsageError, match="until must be a date such as 2027-06-30, not 'soon'"):
        unjam.allow("UJ101", reason="x", until="soon")
    with pytest.raises(KeyError), unjam.allow("UJ101", "UJ2", reason="x"):
        raise KeyError


def test_nobody_is_allowed_without_a_culprit():
    """What has no line of the user's cannot be allowed by one."""
    assert [] == reasons(Finding("UJ502", "starved", Grade.EXACT, ""), Allow("UJ5", "*", "x"))
