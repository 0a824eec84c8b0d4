"""Say what can be observed here, what cannot and why, and what watching costs.

It speaks of the interpreter that runs unjam; for another one, install unjam there and ask again.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version

from unjam import __version__
from unjam.cli.output import page_for, save, say, show
from unjam.errors import NotAvailable
from unjam.model.settings import Settings

EXTRAS = {
    "check": "pyrefly",
    "anyio": "anyio",
    "attach": "py-spy",
    "prometheus": "prometheus-client",
    "otel": "opentelemetry-api",
}
"""The distribution that `pip install 'unjam[NAME]'` brings."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--json", metavar="FILE", nargs="?", const="-", help="write it as JSON (-: stdout, nothing else)"
    )
    parser.add_argument("--no-cost", action="store_true", help="do not measure what watching costs (a few seconds)")


def run(options: argparse.Namespace) -> int:
    """Examine, measure, tell."""
    from unjam.cli.cost import Cost, measure
    from unjam.native import choose
    from unjam.reports.doctor import Examination, as_json, render

    choice = choose(Settings.from_environ(os.environ).tier)
    costs: tuple[Cost, ...] = ()
    if not options.no_cost:
        try:
            costs = measure()
        except NotAvailable as error:
            say(str(error))
    examination = Examination(
        unjam=__version__,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        executable=sys.executable,
        platform=platform.platform(),
        tier=choice.engine.TIER,
        tier_reason=choice.reason,
        sources=choice.sources,
        extras={name: _installed(distribution) for name, distribution in EXTRAS.items()},
        costs=tuple(asdict(cost) for cost in costs),
    )
    if options.json is not None:
        save(as_json(examination), options.json)
    if options.json != "-":
        show(render(examination, page_for(sys.stdout)), sys.stdout)
    return 0


def _installed(distribution: str) -> bool:
    try:
        return bool(version(distribution))
    except PackageNotFoundError:
        return False
