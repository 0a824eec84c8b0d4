"""A decorator of another module, around a plain function."""

from _elsewhere import paused
from _truth import quiet, run


@paused
def greet() -> str:
    return "hello"


async def main() -> None:
    await quiet()
    assert greet() == "hello"
    await quiet()


run(main())
