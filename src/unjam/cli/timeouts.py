"""Tell which timeouts were the other side's fault, and which were ours.

Without RECORDING, the newest one below .unjam in the working directory.
"""

from __future__ import annotations

import argparse
import sys

from unjam.cli.output import page_for, show
from unjam.recording import folder as recordings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("recording", metavar="RECORDING", nargs="?", help="folder of a recording (the newest)")


def run(options: argparse.Namespace) -> int:
    """Render the section of timeouts alone."""
    from unjam.cli.session import load
    from unjam.reports.timeouts import render

    session = load(options.recording or recordings.newest())
    show(render(session, page_for(sys.stdout)), sys.stdout)
    return 0
