"""What asking costs: how long a whole `unjam hang` takes, and for how long a busy thread of the program is kept from running.

    python benchmarks/hang [TASKS] [THREADS] [ROUNDS]

The issue's numbers: 10,000 tasks with 2,000 threads in under a second, the GIL held for 20 ms at the most.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


def asked(target, command):
    """Return how long a command took, in s, the gaps that the target saw meanwhile, in ms, and what the command said."""
    gaps(target)
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "unjam", command, str(target.pid), "--json"], capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - began
    if done.returncode not in {0, 1} or json.loads(done.stdout)["graph"]["apart_ms"] is None:
        sys.exit(f"the control socket did not answer: {done.stderr}")
    return took, gaps(target), json.loads(done.stdout)


def gaps(target):
    """Return the longest gaps since the last time they were asked for."""
    target.stdin.write("\n")
    target.stdin.flush()
    return json.loads(target.stdout.readline())


def main(tasks="10000", threads="2000", rounds="5"):
    """Ask a target that waits, then one in which a thread computes."""
    for count in ("0", "1"):
        ask_target(tasks, threads, count, int(rounds))


def ask_target(tasks, threads, count, rounds):
    """Start a target, ask it some times, and print a line for each."""
    code = "import unjam; unjam.install(record=False, log=False); import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    target = subprocess.Popen(
        [sys.executable, "-c", code, str(HERE / "target.py"), tasks, threads, count],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if target.stdout.readline() != "ready\n":
            sys.exit("the target did not start")
        time.sleep(1)
        print(f"{tasks} tasks, {threads} threads, {count} busy; gaps before {gaps(target)} ms")
        for _ in range(rounds):
            took, seen, document = asked(target, "hang")
            graph = document["graph"]
            print(
                f"hang {took:.2f} s, collected {graph['took_ms']:.0f} ms, slice {graph['longest_slice_ms']:.1f} ms CPU, gaps {seen} ms"
            )
            time.sleep(1)
    finally:
        target.kill()
        target.wait()


main(*sys.argv[1:])
