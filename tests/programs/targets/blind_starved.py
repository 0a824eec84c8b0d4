# namespaces
# serial
"""A polite loop without a CPU, where /proc cannot be read: it may have waited for anything, so nobody is accused."""

from _hogs import beside_hogs
from _namespace import without_proc
from _truth import quiet, run

# expect: unknown culprit=none says=measured


async def main() -> None:
    for _ in range(3):
        await quiet()
        sum(range(400_000))
        await quiet()
        sum(number for number in range(150_000))


without_proc()
with beside_hogs():
    run(main())
