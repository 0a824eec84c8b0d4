"""Print the page of a rule: what it is, why it hurts, what to do.

Without RULE, the list of all rules. RULE is a code (UJ104) or a cause (http).
"""

from __future__ import annotations

import argparse
import sys

from unjam.cli.output import page_for, show
from unjam.errors import UsageError
from unjam.knowledge.index import rules
from unjam.knowledge.nearest import nearest
from unjam.knowledge.records import Rule


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("rule", metavar="RULE", nargs="?", help="code or cause of a rule (all of them)")


def run(options: argparse.Namespace) -> int:
    """Print one page, or the list."""
    from unjam.reports.rule import listing, render

    page = page_for(sys.stdout)
    text = listing(rules(), page) if options.rule is None else render(find(options.rule), page)
    show(text, sys.stdout)
    return 0


def find(word: str) -> Rule:
    """The rule of a code or a cause, in any case; raises UsageError with the nearest one where there is none."""
    known = rules()
    for rule in known:
        if word.upper() == rule.code or word.lower() == rule.cause:
            return rule
    names = [name for rule in known for name in (rule.code, rule.cause)]
    raise UsageError(f"no rule {word!r}{nearest(word, names)}; unjam explain lists them")
