"""The example service, read: what source shows of it is what a run sees in it, except what is listed here."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest
from test_shop import FAULTS

from unjam.static.check import Options, check
from unjam.static.project import Settings, found
from unjam.static.result import Severity

pytestmark = pytest.mark.timeout(600)  # the type checker is CPU-bound, and a busy machine gives it a tenth of a core

SHOP = Path(__file__).parents[2] / "examples/shop"
SEEN_IN_SOURCE_ONLY = {("UJ106", "database.py", "sqlite3.connect(")}
"""Opening a file on a local disk takes a tenth of a millisecond: no stall in a run, a blocking call all the same."""
SEEN_IN_RUNS_ONLY = {("UJ305", "faulty.py", "from shop.tax import with_tax")}
"""`shop.healthy` imports `shop.tax` at its top, and source does not show that the faulty shop never imports `shop.healthy`.

Beside FAULTS a run sees UJ301 in `as_csv`: how many rows a loop goes through is not in its source either.
"""


@pytest.fixture(scope="module")
def problems(tmp_path_factory):
    root = tmp_path_factory.mktemp("shop")
    shutil.copytree(SHOP, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".unjam"))
    result = check(found([str(root)], Settings()), Options(dt.date(2026, 1, 1), libraries=False, fresh=True))
    return [problem for problem in result.problems if Path(problem.path).parent.name == "shop"]


def told(problem):
    """Rule, file, and the piece of the line by which the expectations know it, or the whole line."""
    file = Path(problem.path)
    line = file.read_text().splitlines()[problem.line - 1].strip()
    pieces = (piece for rule, name, piece in FAULTS | SEEN_IN_SOURCE_ONLY if (rule, name) == (problem.rule, file.name))
    return problem.rule, file.name, next((piece for piece in pieces if piece in line), line)


def test_source_shows_what_a_run_sees(problems):
    """Each fault of the shop is found at its line with its rule, and nothing else of the service is accused."""
    assert {told(problem) for problem in problems} == (FAULTS - SEEN_IN_RUNS_ONLY) | SEEN_IN_SOURCE_ONLY


def test_what_blocks_for_others_is_no_note(problems):
    """The waits are errors or warnings; what only takes long by the size of its input is a note."""
    loud = {problem.rule for problem in problems if problem.severity > Severity.NOTE}
    assert loud == {"UJ101", "UJ104", "UJ106", "UJ201"}
