"""`import unjam.auto`: watch this process if, and only if, its environment says UNJAM=1; for a line that stays in the program."""

from __future__ import annotations

import os


def start() -> None:
    """Install the monitor where the environment asks for it; what the settings cannot be is one line, not an exception."""
    if os.environ.get("UNJAM") != "1":
        return
    from unjam.errors import UsageError
    from unjam.failure import say
    from unjam.monitor import install

    try:
        install()
    except UsageError as error:
        say(f"unjam: this process is not watched: {error}; your program is unaffected")


start()
