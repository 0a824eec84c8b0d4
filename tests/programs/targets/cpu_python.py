"""A computation in Python."""

from _truth import measured, quiet, run

# serial: what computes is judged alone
# missed: python - on a busy machine the twin waits for a CPU and takes it for a GIL that is kept


async def main() -> None:
    await quiet()
    with measured():
        sum(number * number % 7 for number in range(3_000_000))  # expect: UJ301
    await quiet()


run(main())
