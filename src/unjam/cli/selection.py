"""Which rules are meant: `--fail-on UJ1,UJ303,lock`."""

from __future__ import annotations

from collections.abc import Iterable

from unjam.errors import UsageError
from unjam.knowledge.index import rules
from unjam.knowledge.nearest import nearest
from unjam.model.findings import Finding

ALL = "all"


def parse_selection(words: Iterable[str]) -> frozenset[str]:
    """Codes of the rules that are meant by codes, beginnings of codes (`UJ1`), causes or `all`, separated by commas.

    Raises UsageError for a word that means no rule.
    """
    wanted = [word.strip() for text in words for word in text.split(",") if word.strip()]
    return frozenset(code for word in wanted for code in _codes(word))


def _codes(word: str) -> list[str]:
    known = rules()
    if word.lower() == ALL:
        return [rule.code for rule in known]
    found = [rule.code for rule in known if rule.code.startswith(word.upper()) or rule.cause == word.lower()]
    if not found:
        names = [ALL, *(rule.code for rule in known), *(rule.cause for rule in known)]
        raise UsageError(f"no rule {word!r}{nearest(word, names)}; unjam explain lists them")
    return found


def chosen(findings: Iterable[Finding], codes: frozenset[str]) -> list[Finding]:
    """The findings of the chosen rules."""
    return [finding for finding in findings if finding.rule in codes]
