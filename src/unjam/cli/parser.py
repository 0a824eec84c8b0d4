"""Words to options: a wrong word is one clear line."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from unjam.errors import UsageError


class Parser(argparse.ArgumentParser):
    """An argument parser that raises UsageError instead of printing its usage."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **kwargs)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError, with the command that would tell more."""
        raise UsageError(f"{message} ({self.prog} --help tells more)")
