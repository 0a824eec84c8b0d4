"""An import in a coroutine: the importing line is to blame, not the inside of the module."""

from _truth import measured, quiet, run

# serial: what computes is judged alone


async def main() -> None:
    await quiet()
    with measured():
        import _slow_import  # expect: UJ305
    assert _slow_import.TABLE
    await quiet()


run(main())
