from __future__ import annotations

import pytest

from unjam import cli


@pytest.mark.parametrize("word", ["UJ104", "uj104", "http", "HTTP"])
def test_a_rule_is_found_by_code_and_cause(word, capsys):
    """However it is written."""
    assert cli.main(["explain", word]) == 0
    assert capsys.readouterr().out.startswith("UJ104 http: ")


def test_without_a_word_all_rules_are_listed(capsys):
    """The list is the way in."""
    assert cli.main(["explain"]) == 0
    assert "UJ801  deadlock" in capsys.readouterr().out


@pytest.mark.parametrize(("word", "hint"), [("UJ140", "UJ104"), ("deadlok", "deadlock")])
def test_the_nearest_rule_is_named(word, hint, capsys):
    """A typing error is answered with what was meant."""
    assert cli.main(["explain", word]) == 2
    assert f"did you mean {hint}?" in capsys.readouterr().err
