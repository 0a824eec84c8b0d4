"""The way from the loop to the leaf, shortened: the user's own frames whole, runs of other people's code folded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from unjam.model.findings import Link
from unjam.reports.page import Page, function_name
from unjam.reports.text import counted, safe

_PACKAGE = re.compile(r".*/(?:(?:site|dist)-packages|lib/python3\.\d+t?)/([^/]+?)(?:\.py$|/)")
_ROUNDS = (1, 2, 3)
"""Frames of one round of a recursion that is folded."""
_LEAST_TIMES = 3
_MOST_NAMES = 3
"""Packages named in a folded run: it is to stay one line."""


def steps(chain: Sequence[Link], page: Page) -> list[str]:
    """Lines from the outermost call to the innermost; a run of frames that are not the user's is one line."""
    lines: list[str] = []
    for own, links in groupby(chain, key=lambda link: link.kind == "user"):
        run = list(links)
        if own:
            lines += list(_once([page.place(link.file, link.line, link.function) for link in run]))
        else:
            lines.append(_folded(run, down=run[-1] is chain[-1]))
    return lines


def _once(places: Sequence[str]) -> Iterator[str]:
    """The places in order; what calls itself again and again, by itself or over one or two others, once and with how often."""
    number = 0
    while number < len(places):
        length, times = max(
            ((size, _times(places, number, size)) for size in _ROUNDS), key=lambda each: each[0] * each[1]
        )
        if times < _LEAST_TIMES:
            length, times = 1, 1
        yield from places[number : number + length]
        if times > 1:
            yield f"... and so on, {times} times"
        number += length * times


def _times(places: Sequence[str], start: int, length: int) -> int:
    """How often the places from there on are repeated one after the other."""
    block, times = places[start : start + length], 1
    while places[start + times * length : start + (times + 1) * length] == block:
        times += 1
    return times


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
