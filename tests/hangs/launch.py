"""Run a hung program with a control socket of its own, for a bounded time: launch.py PROGRAM SECONDS [uvloop] [ARGUMENT ...]."""

import os
import runpy
import signal
import sys

import unjam
import unjam.control.server as server_module
from unjam.control.answers import hang_answers
from unjam.control.server import start_server
from unjam.native import choose
from unjam.probes.locks import LockTracker
from unjam.probes.patching import ImportWatch
from unjam.probes.waits import Collector

if __name__ == "__main__":
    program, seconds, *rest = sys.argv[1:]
    signal.alarm(int(seconds))
    if rest[:1] == ["uvloop"]:
        import asyncio

        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        rest = rest[1:]
    if os.environ.get("UNJAM_TRACK_LOCKS") == "1":
        LockTracker(ImportWatch(), os.environ.get("UNJAM_TIER", "")).install()
    choose(os.environ.get("UNJAM_TIER", ""))  # As the monitor does: with the C core the collector reads by that.
    server_module.BETWEEN_COSTLY_S = 0.1  # A test has no second to lose.
    if os.environ.get("UNJAM_WATCHED") == "1":
        unjam.install()  # It has a socket of its own.
    else:
        server = start_server(lambda: hang_answers(Collector()))
    sys.argv = [program, *rest]
    runpy.run_path(program, run_name="__main__")
