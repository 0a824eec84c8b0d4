from __future__ import annotations

import pytest

from unjam.knowledge.index import rules
from unjam.knowledge.records import PAGE_HEADINGS
from unjam.reports.page import Page
from unjam.reports.rule import listing, render


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.code)
@pytest.mark.parametrize("color", [False, True])
def test_every_page_has_its_headings_in_order(rule, color):
    """A page answers the same questions in the same order, with and without colours."""
    text = render(rule, Page(color=color))
    places = [text.find(heading) for heading in (rule.code, *PAGE_HEADINGS)]
    assert -1 not in places
    assert places == sorted(places)
    assert ("\x1b[" in text) is color


def test_page(snapshot):
    """The looks of a page."""
    snapshot("UJ303.txt", render(next(rule for rule in rules() if rule.code == "UJ303"), Page()))


def test_listing_has_a_line_for_each_rule():
    """Every rule can be found without knowing its code."""
    lines = listing(rules(), Page()).splitlines()
    assert [line.split()[:2] for line in lines] == [[rule.code, rule.cause] for rule in rules()]
