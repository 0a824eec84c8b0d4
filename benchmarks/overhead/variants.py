"""The ways to run the same program: bare, bare once more (what the machine's own noise is), and watched by each tier."""

import os
import sys
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Variant:
    """A name, the words that come before the program, and what is set in its environment."""

    name: str
    before: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, *program: str) -> list[str]:
        """The whole command line of a Python program."""
        return [*self.before, sys.executable, *program]

    def environ(self) -> dict[str, str]:
        """The environment to start it with."""
        return os.environ | self.environment


BASE = Variant("bare")


def variants(folder: str) -> tuple[Variant, ...]:
    """All of them, the one to compare with first; recordings go to the folder."""
    run = (sys.executable, "-m", "unjam", "run", "--quiet", "--out", folder, "--")
    return (
        BASE,
        Variant("bare again"),
        Variant("native", run, {"UNJAM_TIER": "native"}),
        Variant("python", run, {"UNJAM_TIER": "python"}),
    )
