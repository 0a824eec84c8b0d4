"""A computation in Python."""

from _truth import measured, quiet, run

# serial: what computes is judged alone


async def main() -> None:
    await quiet()
    with measured():
        sum(number * number % 7 for number in range(3_000_000))  # expect: UJ301
    await quiet()


run(main())
