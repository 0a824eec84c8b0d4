"""A property of an object of another module."""

from _elsewhere import Basket
from _truth import quiet, run


async def main() -> None:
    basket = Basket()
    await quiet()
    assert basket.total == 7
    await quiet()


run(main())
