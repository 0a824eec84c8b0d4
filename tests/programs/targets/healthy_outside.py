"""Blocking calls before and after any loop, and between two of them."""

import subprocess
import time

from _truth import quiet, run

time.sleep(0.15)
run(quiet())
subprocess.run(["sleep", "0.15"], check=True)
run(quiet())
time.sleep(0.15)
