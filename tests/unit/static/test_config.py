from __future__ import annotations

import datetime as dt

import pytest

from unjam.errors import UsageError
from unjam.knowledge.records import Weight
from unjam.static import config

FULL = """\
[tool.unjam]
select = ["UJ1"]
ignore = ["UJ102"]
exclude = ["vendor"]
src = ["lib"]
entry-points = ["app.tick"]
sinks = ["legacy.query", { name = "legacy.get", rule = "UJ106", weight = "milliseconds" }]
offloads = [{ name = "legacy.in_thread", position = 1, keyword = "work" }]

[tool.unjam.per-file-ignores]
"scripts/*" = ["UJ101"]

[[tool.unjam.allow]]
rule = "UJ101"
where = "app.py"
reason = "soon"
until = "2027-06-30"
"""


def read(tmp_path, text):
    (tmp_path / "pyproject.toml").write_text(text)
    return config.read(tmp_path)


def test_every_key_is_read(tmp_path):
    """What the page on settings promises is what arrives."""
    found = read(tmp_path, FULL)
    assert (found.select, found.ignore, found.exclude, found.src) == (("UJ1",), ("UJ102",), ("vendor",), ("lib",))
    assert found.entry_points == ("app.tick",)
    assert [(sink.name, sink.rule, sink.weight) for sink in found.sinks] == [
        ("legacy.query", "UJ109", Weight.UNBOUNDED),
        ("legacy.get", "UJ106", Weight.MILLISECONDS),
    ]
    assert [(each.name, each.position, each.keyword) for each in found.offloads] == [("legacy.in_thread", 1, "work")]
    assert found.per_file_ignores == {"scripts/*": ("UJ101",)}
    assert found.allow == (config.Allow("UJ101", "app.py", "soon", dt.date(2027, 6, 30)),)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[tool.unjam]\nselect = 'UJ1'\n", "select must be a list of strings"),
        ("[tool.unjam]\nsinks = [{ rule = 'UJ106' }]\n", "sinks must be a list of tables with name"),
        ("[tool.unjam]\nsinks = [{ name = 'a.b', weight = 'heavy' }]\n", "sinks.weight must be one of"),
        (
            "[[tool.unjam.allow]]\nrule = 'UJ1'\nuntil = 'soon'\n",
            "allow.until must be a date such as 2027-06-30, not 'soon'",
        ),
        ("[tool.unjam.per-file-ignores]\n'*' = ['UJ140']\n", "per-file-ignores.*: no rule 'UJ140', did you mean UJ104"),
        ("[tool.unjam]\nsinks = [{ name = 'a.b', rule = 'http' }]\n", "sinks.rule: no rule 'http', did you mean UJ104"),
        ("[tool.unjam\n", "cannot be read"),
    ],
)
def test_refusal_names_the_key(tmp_path, text, named):
    """A wrong setting is refused with its name, not ignored."""
    with pytest.raises(UsageError, match=named):
        read(tmp_path, text)


def test_no_table_is_no_setting(tmp_path):
    """A project that says nothing gets the defaults."""
    assert read(tmp_path, "[project]\nname = 'x'\n") == config.Config()
