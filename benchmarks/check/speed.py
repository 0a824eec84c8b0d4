"""Measure the speed and the memory of `unjam check` on a project: beside the type checker alone, and where nothing changed.

Usage: python speed.py FOLDER [ROUNDS] [--environment=FOLDER] [--no-libs]

Works on a copy, as each round writes one more coroutine into one file. Times are wall-clock seconds of whole processes on a machine that should be doing
nothing else; memory is the largest resident set of one process. The first check, which also makes the summaries of packages and
the outlines, is not judged.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from unjam.static.checker import Request, Run
from unjam.static.project import Settings, found

UNCHANGED = 5
"""Answers from the cache in each round: each takes a fraction of a second."""


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


def check(folder, *flags):
    command = [sys.executable, "-m", "unjam", "check", folder, "--exit-zero", "--output-file", os.devnull, *flags]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def changed(file, number):
    """An edit that changes what is known of the file: one more coroutine, which blocks."""
    with Path(file).open("a") as stream:
        stream.write(f"\n\nasync def changed_{number}(path):\n    return open(path).read()\n")


def lines_of(file):
    return Path(file).read_bytes().count(b"\n")


def shown(name, rows):
    wall, cpu = (statistics.median(row[place] for row in rows) for place in (0, 1))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{name:18} {wall:7.2f} s wall {cpu:7.2f} s CPU  peak {peak:6.0f} MB", flush=True)
    return wall, cpu


def measured(folder, rounds, environment, flags):
    files = found([folder], Settings(environment=environment)).files
    print(f"{len(files):,} files, {sum(map(lines_of, files)):,} lines")
    shown("first check", [timed(lambda: check(folder, *flags))])
    alone, again, unchanged = [], [], []
    for number in range(rounds):
        alone.append(timed(lambda: type_checker(folder, environment)))
        changed(files[0], number)
        again.append(timed(lambda: check(folder, *flags)))
        unchanged += [timed(lambda: check(folder, *flags)) for _ in range(UNCHANGED)]
    wall, cpu = shown("type checker alone", alone)
    ours, own = shown("one file changed", again)
    shown("unchanged", unchanged)
    print(f"beside the type checker alone: {ours / wall:.2f} of its time, {own / cpu:.2f} of its CPU time")


def main(folder, *words):
    flags = [word for word in words if word.startswith("--")]
    rounds = next((int(word) for word in words if word.isdigit()), 3)
    environment = next((flag[14:] for flag in flags if flag.startswith("--environment=")), "")
    with tempfile.TemporaryDirectory() as place:
        os.environ.setdefault("UNJAM_CACHE", str(Path(place, "cache")))
        copy = shutil.copytree(folder, Path(place, "project"), ignore=shutil.ignore_patterns(".git", "__pycache__"))
        measured(str(copy), rounds, environment, flags)


if __name__ == "__main__":
    main(*sys.argv[1:])
