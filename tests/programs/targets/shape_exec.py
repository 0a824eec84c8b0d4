"""Code made while the program runs: its caller is the line that can be read."""

from _truth import quiet, run


async def main() -> None:
    code = compile("import time\ntime.sleep(0.15)\n", "<template>", "exec")
    await quiet()
    exec(code)  # expect: UJ101 count=1
    await quiet()


run(main())
