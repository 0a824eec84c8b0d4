"""Words to options: a wrong word is one clear line, with the nearest right one."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable
from typing import Any, NoReturn

from unjam.errors import UsageError


class Parser(argparse.ArgumentParser):
    """An argument parser that raises UsageError instead of printing its usage."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **kwargs)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError, with the command that would tell more."""
        raise UsageError(f"{message} ({self.prog} --help tells more)")


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a sentence that refuses a word: `, did you mean run?`, or nothing where none is near."""
    by_lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), by_lower, 1, cutoff=0.5)
    return f", did you mean {by_lower[found[0]]}?" if found else ""
