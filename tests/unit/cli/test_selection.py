from __future__ import annotations

import pytest

from unjam.cli import selection
from unjam.errors import UsageError
from unjam.knowledge.records import Rule

CAUSES = {"UJ101": "sleep", "UJ104": "http", "UJ201": "lock", "UJ303": "cpu-native-gil"}


@pytest.fixture(autouse=True)
def rules(monkeypatch):
    known = tuple(Rule(code, cause, *[""] * 9) for code, cause in CAUSES.items())
    monkeypatch.setattr(selection, "rules", lambda: known)


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        ([], set()),
        (["UJ104"], {"UJ104"}),
        (["uj1"], {"UJ101", "UJ104"}),
        (["UJ1,lock", "cpu-native-gil"], {"UJ101", "UJ104", "UJ201", "UJ303"}),
        (["all"], set(CAUSES)),
        (["UJ"], set(CAUSES)),
        ([" UJ201 , "], {"UJ201"}),
    ],
)
def test_selection(words, codes):
    """Codes, beginnings of codes, causes and `all`, in any case, add up."""
    assert selection.parse_selection(words) == codes


@pytest.mark.parametrize(
    ("word", "hint"), [("UJ999", ""), ("htp", "did you mean http?"), ("UJ14", "did you mean UJ104?"), ("1", "")]
)
def test_a_word_that_means_no_rule_is_refused(word, hint):
    """A gate that would never close is refused, with the nearest name."""
    with pytest.raises(UsageError, match=f"no rule '{word}'") as refusal:
        selection.parse_selection(["UJ1", word])
    assert hint in str(refusal.value)
