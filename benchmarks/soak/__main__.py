"""What a long run leaves: bytes on disk for an hour, and memory that must not grow.

python benchmarks/soak [--seconds 600] [--tier native] [--loop asyncio]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean

WARM_S = 20.0


def main() -> None:
    """Run the service and print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--tier", default="native")
    parser.add_argument("--loop", default="asyncio")
    options = parser.parse_args()
    service = Path(__file__).with_name("service.py")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "unjam", "run", "--quiet", "--out", folder, "--"]
            + [sys.executable, service, str(options.seconds), options.loop],
            env=os.environ | {"UNJAM_TIER": options.tier},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.jsonl"))
    memory = [(second, rss) for second, rss in map(json.loads, done.stdout.splitlines()) if second >= WARM_S]
    early, late = memory[: len(memory) // 3], memory[-(len(memory) // 3) :]
    growth = mean(rss for _, rss in late) - mean(rss for _, rss in early)
    print(f"{options.tier} tier, {options.loop}, {options.seconds:.0f} s with ten stalls a second")
    print(f"recording {size / 1e6:.2f} MB, {size / options.seconds * 3600 / 1e6:.1f} MB an hour")
    print(
        f"memory {memory[0][1] / 1e6:.1f} MB at {memory[0][0]:.0f} s, last third {growth / 1e3:+.0f} kB over the first third"
    )


if __name__ == "__main__":
    main()
