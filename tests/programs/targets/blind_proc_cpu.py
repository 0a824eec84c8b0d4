# namespaces
# blind
"""A computation where /proc cannot be read: the stack and the CPU clock tell it, unless the machine gave it no CPU, which nobody can tell there."""

import time

from _namespace import without_proc
from _truth import quiet, run

# serial: what computes is judged alone


async def main() -> None:
    await quiet()
    wall, cpu = time.monotonic(), time.thread_time()
    sum(number * number % 7 for number in range(2_000_000))  # expect: UJ301
    # It waits for nothing: what it was not on a CPU it had none.
    print(f"starved {(time.monotonic() - wall - time.thread_time() + cpu) * 1e3:.1f}", flush=True)
    await quiet()


without_proc()
run(main())
