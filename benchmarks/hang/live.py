"""Random live programs against what is known of them: who is called stuck must be exactly who can never go on.

python benchmarks/hang/live.py FIRST LAST     one process for each seed, 80 small systems of threads and tasks in each
"""

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "hangs"))

from hangs import called_stuck, random_spec, stuck_by_rule

SYSTEMS = 80


def main(first, last):
    """Run the seeds of a range, print each that is judged wrong, and how many there were."""
    wrong = stuck = 0
    for seed in range(int(first), int(last)):
        spec = random_spec(random.Random(seed), SYSTEMS)
        missed, accused = called_stuck(spec)
        stuck += len(stuck_by_rule(spec))
        if missed or accused:
            wrong += 1
            print(f"seed {seed}: missed {sorted(missed)}, accused {sorted(accused)} of {spec}", flush=True)
    count = (int(last) - int(first)) * SYSTEMS
    print(f"{count} live systems with {stuck} threads and tasks stuck, {wrong} programs judged wrongly")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
