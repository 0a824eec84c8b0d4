"""Report a recording again.

Without RECORDING, the newest one below .unjam in the working directory.

exit code: 0; with --fail-on, 1 where one of those rules was found; 2 where there is no recording that can be read.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from unjam.cli.selection import chosen, parse_selection
from unjam.recording import folder as recordings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("recording", metavar="RECORDING", nargs="?", help="folder of a recording (the newest)")
    parser.add_argument(
        "--json", metavar="FILE", nargs="?", const="-", help="write it as JSON (-: stdout, nothing else)"
    )
    parser.add_argument("--fail-on", metavar="RULES", action="append", default=[], help="UJ104, UJ1, a cause, or all")


def run(options: argparse.Namespace) -> int:
    """Render the recording."""
    from unjam.cli.session import load, publish

    failing = parse_selection(options.fail_on)
    folder, json = options.recording, options.json
    if folder is None and json is not None and Path(json).is_dir():
        folder, json = json, "-"
    session = load(folder or recordings.newest())
    publish(session, json=json, quiet=json == "-", stream=sys.stdout)
    return 1 if chosen(session.findings, failing) else 0
