"""Laws of `[tool.unjam]`: the nearest table counts, the environment goes before it, and a wrong value is named with its file."""

import datetime as dt

import pytest

from unjam.errors import UsageError
from unjam.knowledge.allowing import allowed_by
from unjam.model.allowances import Allow
from unjam.model.project import project_of
from unjam.model.settings import Settings

FULL = """\
[tool.unjam]
threshold = "20ms"
src = ["app", "gone"]
live = true
log = false
tier = "python"
dump-after = "0"
track-locks = true
"""


@pytest.fixture
def project(tmp_path):
    """A project with these settings; what is given is a folder in it."""

    def make(text, name="pyproject.toml"):
        (tmp_path / name).write_text(text)
        (tmp_path / "app" / "deep").mkdir(parents=True, exist_ok=True)
        return tmp_path / "app" / "deep"

    return make


def test_every_setting_of_a_watched_process_can_stand_in_the_table(project, tmp_path):
    """From a folder below the project; folders are those of the project, and one that is not there is left out."""
    expected = Settings(
        threshold_ns=20_000_000,
        src=(str(tmp_path / "app"),),
        live=True,
        log=False,
        tier="python",
        dump_after_ns=0,
        track_locks=True,
    )
    assert expected == Settings.from_environ({}, project_of(project(FULL)))


def test_the_environment_goes_before_the_table(project):
    """What the environment says counts, also where it says no."""
    variables = {"UNJAM_THRESHOLD": "70ms", "UNJAM_LIVE": "0", "UNJAM_SRC": "/x", "UNJAM_DUMP_AFTER": "3s"}
    found = Settings.from_environ(variables, project_of(project(FULL)))
    assert (70_000_000, False, ("/x",), 3_000_000_000) == (
        found.threshold_ns,
        found.live,
        found.src,
        found.dump_after_ns,
    )


def test_unjam_toml_goes_before_pyproject(project):
    """Its keys stand at the top; a project without a table says nothing."""
    project(FULL)
    assert {"threshold": "1s"} == project_of(project('threshold = "1s"\n', "unjam.toml")).table


def test_a_project_without_a_table_says_nothing(project):
    """The search goes on above it, and ends with nothing."""
    assert "" == project_of(project("[project]\nname = 'unjam'\n")).file


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("threshold = 50", 'threshold must be a string such as "50ms"'),
        ('threshold = "fast"', r"threshold 'fast' is not a number with a unit"),
        ('dump-after = "soon"', "dump-after 'soon' is not a number"),
        ('live = "yes"', "live must be true or false"),
        ('src = "app"', "src must be a list of strings"),
        ('treshold = "20ms"', "no setting 'treshold', did you mean threshold?"),
        ("threshold = ", "cannot be read"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_file(project, line, said):
    """One clear line that names the file and the key."""
    folder = project(f"[tool.unjam]\n{line}\n")
    with pytest.raises(UsageError, match=rf"pyproject\.toml.*{said}"):
        Settings.from_environ({}, project_of(folder))


def test_tables_of_allowances_are_read(project):
    """Rule, place, reason, and an end as a date or as text."""
    text = "".join(f'[[allow]]\nrule = "UJ1"\nuntil = {until}\n' for until in ("2027-06-30", '"2027-06-30"'))
    end = dt.date(2027, 6, 30)
    assert (Allow("UJ1", "*", "", end),) * 2 == allowed_by(project_of(project(text, "unjam.toml")))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('rule = "UJ110"', r"allow.rule: no rule 'UJ110', did you mean UJ1\d\d\?"),
        ('rule = "requests"', "no rule 'requests'; unjam explain lists them"),
        ('rule = "UJ1"\nuntil = "soon"', "allow.until must be a date such as 2027-06-30, not 'soon'"),
        ('rule = "UJ1"\nwhen = "soon"', "allow has rule, where, reason and until, not 'when'"),
        ('where = "x"', "allow must be a list of tables with rule"),
    ],
)
def test_an_allowance_that_cannot_be_is_refused(project, row, said):
    """A rule that is none with the nearest one."""
    folder = project(f"[[tool.unjam.allow]]\n{row}\n")
    with pytest.raises(UsageError, match=said):
        allowed_by(project_of(folder))
