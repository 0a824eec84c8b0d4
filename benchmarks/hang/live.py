"""Random live programs against what is known of them: who is called stuck must be exactly who can never go on.

python benchmarks/hang/live.py FIRST LAST     one process for each seed, 37 small systems of threads and tasks in each
"""

import json
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "hangs"))

from hangs import HERE, judged, running, stuck_by_rule

THREAD_SYSTEMS, TASK_SYSTEMS, LARGEST = 12, 25, 5


def systems(chance, count):
    """Return for each actor the number of the one whose lock it wants, or None; nobody wants anything of another system."""
    wants = []
    for _ in range(count):
        base, size = len(wants), chance.randint(1, LARGEST)
        wants += [chance.choice([*range(base, base + size), None]) for _ in range(size)]
    return wants


def called_stuck(spec):
    """Run the program until it has come to rest; return for threads and tasks the numbers of those that are called stuck."""
    waits = sum(want is not None for kind in spec.values() for want in kind)

    def at_rest(graph, _):
        wanting = [edge.source for edge in graph.edges if edge.verb == "waits for" and "lock" in edge.target]
        return len(wanting) >= waits and graph.moved.isdisjoint(wanting)

    with running(HERE / "cases" / "generated.py", json.dumps(spec)) as target:
        graph, found = judged(target, at_rest)
    labels = [graph.nodes[key].label for key in found.stuck]
    prefixes = {"threads": "thread actor-", "tasks": "task 'actor-"}
    return {
        kind: {int(label.removeprefix(prefix).partition("'")[0]) for label in labels if label.startswith(prefix)}
        for kind, prefix in prefixes.items()
    }


def main(first, last):
    """Run the seeds of a range, print each that is judged wrong, and how many there were."""
    wrong = 0
    for seed in range(int(first), int(last)):
        chance = random.Random(seed)
        spec = {"threads": systems(chance, THREAD_SYSTEMS), "tasks": systems(chance, TASK_SYSTEMS)}
        said = called_stuck(spec)
        for kind, wants in spec.items():
            missed, false = stuck_by_rule(wants) - said[kind], said[kind] - stuck_by_rule(wants)
            if missed or false:
                wrong += 1
                print(f"seed {seed}, {kind}: missed {sorted(missed)}, false {sorted(false)}", flush=True)
    count = (int(last) - int(first)) * (THREAD_SYSTEMS + TASK_SYSTEMS)
    print(f"{count} live systems, {wrong} wrong")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
