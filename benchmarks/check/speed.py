"""Measure the speed and the memory of `unjam check` on a project: beside the type checker alone, and where nothing changed.

Usage: python speed.py FOLDER [--environment=FOLDER] [--no-libs]

Times are wall-clock seconds of whole processes on a machine that should be doing nothing else; memory is the largest resident
set of one process. The first check, which also makes the summaries of packages, is not judged.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from unjam.static.checker import Request, Run
from unjam.static.project import Settings, found


def timed(work):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    work()
    wall = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def type_checker(folder, environment):
    """The type checker with the facts that we need, in a process of its own, with nothing of ours around it."""
    project = found([folder], Settings(environment=environment))
    run = Run(Request(project.files, project.roots, project.site_packages, project.python_version))
    try:
        run.wait()
    finally:
        run.close()
    return project


def check(folder, *flags):
    command = [sys.executable, "-m", "unjam", "check", folder, "--exit-zero", "--output-file", os.devnull, *flags]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def peak_megabytes():
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main(folder, *flags):
    environment = next((flag[14:] for flag in flags if flag.startswith("--environment=")), "")
    project = found([folder], Settings(environment=environment))
    lines = sum(Path(file).read_bytes().count(b"\n") for file in project.files)
    print(f"{len(project.files):,} files, {lines:,} lines")
    with tempfile.TemporaryDirectory() as cache:
        os.environ.setdefault("UNJAM_CACHE", cache)
        rows = [("first check", lambda: check(folder, *flags))]
        rows += [("type checker", lambda: type_checker(folder, environment))] * 2
        rows += [("check again", lambda: check(folder, "--no-cache", *flags))] * 2
        rows += [("unchanged", lambda: check(folder, *flags))] * 3
        for name, work in rows:
            wall, cpu = timed(work)
            print(f"{name:14} {wall:7.2f} s wall {cpu:7.2f} s CPU  peak {peak_megabytes():6.0f} MB", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
