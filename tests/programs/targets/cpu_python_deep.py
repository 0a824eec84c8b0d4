"""A recursion in Python: many small calls, at full speed."""

from _truth import measured, quiet, run

# serial: what computes is judged alone


def fibonacci(number: int) -> int:
    return number if number < 2 else fibonacci(number - 1) + fibonacci(number - 2)  # expect: UJ301


async def main() -> None:
    await quiet()
    with measured():
        fibonacci(31)
    await quiet()


run(main())
