from __future__ import annotations

import datetime as dt

import pytest

pytestmark = pytest.mark.timeout(600)  # the type checker is CPU-bound, and a busy machine gives it a tenth of a core


SLEEPS = "import time\n\n\nasync def handler():\n    time.sleep(1){comment}\n"
DEEP = """\
import time


def helper():
    time.sleep(1)


async def allowed():
    helper()  # unjam: allow[UJ101] a start-up script


async def other():
    {other}
"""


def lines(result):
    return [(problem.rule, problem.line) for problem in result.problems]


def of_allowances(result):
    return [notice for notice in result.notices if "allowance" in notice]


def test_comment_allows_its_line(project, checked):
    """An allowance with a code and a reason silences that line, and is not complained about."""
    root = project(app_py=SLEEPS.format(comment="  # unjam: allow[UJ101] measured, it is fine"))
    result = checked(root)
    assert (lines(result), result.allowed, result.notices) == ([], 1, [])


def test_noqa_allows_its_codes_only(project, checked):
    """A noqa of another of our codes silences nothing, and is reported as unused."""
    result = checked(project(app_py=SLEEPS.format(comment="  # noqa: UJ104 - wrong")))
    assert lines(result) == [("UJ101", 5)]
    assert result.notices == ["app.py:5: nothing uses the allowance of UJ104"]


@pytest.mark.parametrize(
    ("comment", "refused"),
    [
        ("noqa: UJ110", "no rule 'UJ110', did you mean UJ101?"),
        ("unjam: allow[UJ9] reason", "no rule 'UJ9', did you mean UJ109?"),
        ("unjam: allow[sleep] reason", "no rule 'sleep', did you mean UJ101?"),
        ("unjam: allow[uj101] reason", "no rule 'uj101', did you mean UJ101?"),
    ],
)
def test_unknown_code_is_refused_with_the_nearest(project, checked, comment, refused):
    """A comment that names no rule allows nothing, and says which rule may have been meant."""
    result = checked(project(app_py=SLEEPS.format(comment=f"  # {comment}")))
    assert lines(result) == [("UJ101", 5)]
    assert result.notices == [f"app.py:5: {refused}"]


def test_codes_of_other_tools_are_left_alone(project, checked):
    """A noqa may be somebody else's."""
    result = checked(project(app_py=SLEEPS.format(comment="  # noqa: E501, ASYNC251")))
    assert (lines(result), result.notices) == ([("UJ101", 5)], [])


def test_allowance_without_a_reason_is_reported(project, checked):
    """An allowance works without a reason, but somebody should give one."""
    result = checked(project(app_py=SLEEPS.format(comment="  # unjam: allow[UJ1]")))
    assert lines(result) == []
    assert result.notices == ["app.py:5: the allowance of UJ1 gives no reason"]


def test_allowance_on_the_way_cuts_that_way(project, checked):
    """Where every way to the call is allowed it is silent; where one is left, that one is shown."""
    alone = checked(project(app_py=DEEP.format(other="pass")))
    both = checked(project(app_py=DEEP.format(other="helper()")))
    assert lines(alone) == []
    assert [[link.line for link in problem.finding.chain] for problem in both.problems] == [[13, 5]]


def test_table_allows_until_its_day(project, checked):
    """A table allows up to and with its last day; after it the finding is back, and the table is reported."""
    root = project(
        app_py=SLEEPS.format(comment=""),
        unjam_toml='[[allow]]\nrule = "UJ101"\nwhere = "app.py"\nreason = "soon"\nuntil = 2026-06-30\n',
    )
    before, after = checked(root, today=dt.date(2026, 6, 30)), checked(root, today=dt.date(2026, 7, 1))
    assert (lines(before), before.notices) == ([], [])
    assert lines(after) == [("UJ101", 5)]
    assert after.notices == ["[[tool.unjam.allow]] UJ101 in app.py: expired on 2026-06-30"]


def test_unused_table_is_reported(project, checked):
    """A table that allows nothing is litter."""
    root = project(app_py="x = 1\n", unjam_toml='[[allow]]\nrule = "UJ101"\nwhere = "gone.py"\nreason = "was"\n')
    assert checked(root).notices == ["[[tool.unjam.allow]] UJ101 in gone.py: nothing uses it"]


BLOCK = """\
import time
import unjam


async def handler():
    with unjam.allow("UJ101", reason="known"{until}):
        time.sleep(1)


@unjam.allow("UJ101", reason="known")
async def other():
    time.sleep(1)
    helper()


def helper():
    time.sleep(2)
"""


def test_blocks_and_decorators_allow_as_they_do_at_run_time(project, checked):
    """`with unjam.allow(...)` covers its block, `@unjam.allow(...)` its function and the ways that go through it."""
    result = checked(project(app_py=BLOCK.format(until="")))
    assert (lines(result), of_allowances(result)) == ([], [])


def test_a_block_ends_on_its_day_though_nothing_changed(project, checked):
    """A result from the cache is not older than the allowances in it."""
    root = project(app_py=BLOCK.format(until=', until="2026-06-30"'))
    before = checked(root, today=dt.date(2026, 6, 30), fresh=False)
    after = checked(root, today=dt.date(2026, 7, 1), fresh=False)
    assert (lines(before), of_allowances(before)) == ([], [])
    assert lines(after) == [("UJ101", 7)]
    assert of_allowances(after) == ["app.py:6: the allowance of UJ101 expired on 2026-06-30"]
