"""The reports of `unjam check`: one file a format, an explicit table of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from unjam.reports.source import concise, document, full, github, junit, sarif
from unjam.reports.source.view import Shown

FORMATS: Mapping[str, Callable[[Shown], str]] = {
    "full": full.render,
    "concise": concise.render,
    "json": document.render,
    "github": github.render,
    "sarif": sarif.render,
    "junit": junit.render,
}
"""Each takes what is to be shown and gives the text."""

__all__ = ["FORMATS", "Shown"]
