"""What a report is written for: its width, its colours, and the folder that paths are relative to."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass

from unjam.reports.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rich.console import RenderableType

# Rich's own has a black background, which is a bar on a light terminal.
_STYLES = {"markdown.code": "bold cyan"}

WIDTH = 80
"""Columns where nobody says otherwise: what a pipe and a bug report can show."""


@dataclass(frozen=True, slots=True)
class Page:
    """`width` in columns; `cwd` is the folder that shown paths are relative to, "" to show them whole."""

    width: int = WIDTH
    color: bool = False
    cwd: str = ""

    def print(self, *parts: RenderableType) -> str:
        """Render the parts, one below the other, without trailing blanks."""
        # Imported here: a format for other programs needs the width and the paths of a page, and no printing.
        from rich.console import Console
        from rich.theme import Theme

        console = Console(
            file=io.StringIO(),
            width=self.width,
            force_terminal=self.color,
            color_system="standard" if self.color else None,
            no_color=not self.color,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
            theme=Theme(_STYLES),
        )
        with console.capture() as capture:
            for part in parts:
                console.print(part)
        return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())

    def text(self, text: str) -> str:
        """Make a sentence safe to show, with the paths in it relative to the folder and the names in it short."""
        return function_name(text.replace(f"{self.cwd}/", "") if self.cwd.strip("/") else text)

    def path(self, file: str) -> str:
        """Show a path the shortest way: relative to the folder, below site-packages, or whole."""
        for marker in ("/site-packages/", "/dist-packages/"):
            _, found, below = file.rpartition(marker)
            if found:
                return safe(below)
        if not self.cwd or not file.startswith("/"):
            return safe(file)
        relative = os.path.relpath(file, self.cwd)
        return safe(min(relative, file, key=len))

    def place(self, file: str, line: int, function: str = "") -> str:
        """Show a place in source: `app/pricing.py:41 in quote`."""
        where = f"{self.path(file)}:{line}" if line > 0 else self.path(file)
        return f"{where} in {function_name(function)}" if function else where


def function_name(name: str) -> str:
    """A qualified name as people say it: `retried.call` for `retried.<locals>.call`."""
    return safe(name.replace(".<locals>", ""))
