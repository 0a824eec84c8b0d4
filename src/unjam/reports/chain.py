"""The way from the loop to the leaf, shortened: the user's own frames whole, runs of other people's code folded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from unjam.model.findings import Link
from unjam.reports.page import Page, function_name
from unjam.reports.text import counted, safe

_PACKAGE = re.compile(r".*/(?:(?:site|dist)-packages|lib/python3\.\d+t?)/([^/]+?)(?:\.py$|/)")
_MOST_NAMES = 3
"""Packages named in a folded run: it is to stay one line."""


def steps(chain: Sequence[Link], page: Page) -> list[str]:
    """Lines from the outermost call to the innermost; a run of frames that are not the user's is one line."""
    lines: list[str] = []
    for own, links in groupby(chain, key=lambda link: link.kind == "user"):
        run = list(links)
        if own:
            lines += [page.place(link.file, link.line, link.function) for link in run]
        else:
            lines.append(_folded(run, down=run[-1] is chain[-1]))
    return lines


def _folded(links: Sequence[Link], *, down: bool) -> str:
    """Fold other people's frames; the way down to the leaf names its end."""
    names = list(dict.fromkeys(name for link in links if (name := package(link.file))))
    shown = names[:_MOST_NAMES] + ["..."] * (len(names) > _MOST_NAMES)
    if down and len(links) == 1:
        return f"{function_name(links[0].function)} ({names[0]})" if names else function_name(links[0].function)
    text = f"... {counted(len(links), 'frame')}{' in ' if names else ''}{', '.join(shown)}"
    return f"{text}, down to {function_name(links[-1].function)}" if down else text


def package(file: str) -> str:
    """Name the package or standard module that a file belongs to; "" where its path does not say."""
    found = _PACKAGE.match(file)
    return safe(found[1]) if found else ""
