"""Megabytes of JSON."""

import json

from _truth import measured, quiet, run

# serial: what computes is judged alone
# The twin is frozen with the program: it may be unable to tell, and then says so and accuses nobody.

ROWS = [{"id": number, "name": f"name-{number}", "price": number / 7, "tags": ["a", "b"]} for number in range(200_000)]


async def main() -> None:
    await quiet()
    with measured():
        json.dumps(ROWS)  # expect: UJ303 leaf=json.dumps required=native
    await quiet()


run(main())
