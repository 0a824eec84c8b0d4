"""The page of a rule, and the list of all, for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from unjam.knowledge.records import PAGE_HEADINGS, Rule
from unjam.reports.page import Page


def render(rule: Rule, page: Page) -> str:
    """Write the page of a rule; its texts are Markdown."""
    return page.print(*_parts(rule))


def _parts(rule: Rule) -> Iterator[RenderableType]:
    yield Text(f"{rule.code} {rule.cause}: {rule.title}", style="bold")
    texts = (rule.what, rule.why, rule.looks, rule.todo, rule.costs, rule.allow)
    for heading, text in zip(PAGE_HEADINGS, texts, strict=True):
        yield ""
        yield Text(heading, style="bold red")
        yield Padding(Markdown(text, code_theme="ansi_dark"), (0, 0, 0, 2))


def listing(rules: Iterable[Rule], page: Page) -> str:
    """Write one line for each rule."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column()
    for rule in rules:
        grid.add_row(rule.code, rule.cause, rule.title)
    return page.print(grid)
