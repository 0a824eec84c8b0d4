"""Megabytes of JSON."""

import json

from _truth import measured, quiet, run

# serial: what computes is judged alone

ROWS = [{"id": number, "name": f"name-{number}", "price": number / 7, "tags": ["a", "b"]} for number in range(100_000)]


async def main() -> None:
    await quiet()
    with measured():
        json.dumps(ROWS)  # expect: UJ303 leaf=json.dumps
    await quiet()


run(main())
