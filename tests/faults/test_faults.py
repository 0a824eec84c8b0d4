"""Laws of faults: whatever fails, the program runs as it would without us, and at most one line says so."""

import textwrap

import pytest

STALL = """
import asyncio, os, resource, sys, time
import unjam
LONG = 0.7  # so that somebody looks at it though a busy machine keeps him from it
async def stall(seconds=0.12):
    await asyncio.sleep(0.01)
    asyncio.get_running_loop().call_soon(int)  # which waits
    time.sleep(seconds)
    await asyncio.sleep(0.01)
"""

GOES_ON = "\nprint('went on')\nsys.exit(3)\n"


def program(source):
    return STALL + textwrap.dedent(source) + GOES_ON


def went_on(outcome):
    return (outcome.status, outcome.out) == (3, "went on\n")


def test_a_full_disk_loses_lines_and_says_so(watched, tier):
    """What cannot be written is counted, and told as soon as there is room again."""
    outcome = watched(
        program(
            """
            asyncio.run(stall())
            unjam.monitor.current().flush(30)  # all that is known of it is written by then
            size = max(os.stat(os.path.join(os.environ["UNJAM_DIR"], name)).st_size for name in os.listdir(os.environ["UNJAM_DIR"]))
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
            asyncio.run(stall())
            unjam.monitor.current().flush(30)
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            asyncio.run(stall())
            """
        ),
        tier=tier,
    )
    assert went_on(outcome)
    assert outcome.err == ""
    process = outcome.process
    assert process.dropped > 0
    assert process.torn <= 1
    assert not process.killed


def test_a_descriptor_that_the_program_closed_is_never_written_to(watched, tier, tmp_path):
    """A program that closes every descriptor and gets ours for a file of its own keeps that file as it wrote it."""
    outcome = watched(
        program(
            """
            async def main():
                await stall(LONG)
                unjam.monitor.current().flush(30)
                os.closerange(190, 400)
                files = [open(f"own-{number}", "w") for number in range(250)]
                await stall()
                for file in files:
                    file.write("mine")
                    file.close()
            asyncio.run(main())
            assert {open(f"own-{number}").read() for number in range(250)} == {"mine"}
            """
        ),
        tier=tier,
    )
    assert went_on(outcome)
    assert outcome.err == ""
    assert len(outcome.stalls()) == 1
    assert outcome.process.dropped > 0  # the second one


@pytest.mark.parametrize(
    "fault",
    [
        "import unjam.probes.loops as module; module.Loops.running = None",
        "import unjam.probes.wiring as module; module.Probes.start = None",
        "import unjam.probes.drain as module; module.Drainer._handle = None",
        "import unjam.probes.steps as module; module.StepNotes._turn = None",
        "import unjam.probes.victims as module; module.VictimNotes._add = None",
        "import unjam.monitor as module; module.Monitor._write_end = None",
    ],
)
def test_our_own_exception_is_one_line(watched, tier, fault):
    """Wherever we fail, the program goes on, and what failed is said in single lines that name us."""
    outcome = watched(program(f"{fault}\nasyncio.run(stall())\n"), tier=tier)
    assert went_on(outcome)
    assert outcome.err.count("\n") >= 1
    lines = outcome.err.splitlines()
    assert [
        line for line in lines if not (line.startswith("unjam: ") and line.endswith("; your program is unaffected"))
    ] == []


def test_exceptions_of_callbacks_reach_the_loops_handler_as_ever(watched, tier):
    """What a callback raises is reported by asyncio in its own words; SystemExit and KeyboardInterrupt end the loop."""
    source = program(
        """
        import logging
        def boom(x):
            raise ValueError(x)
        async def main():
            loop = asyncio.get_running_loop()
            seen = []
            loop.set_exception_handler(lambda loop, context: seen.append(context))
            handle = loop.call_soon(boom, 7)
            await asyncio.sleep(0.01)
            (context,) = seen
            assert context["message"].startswith("Exception in callback boom("), context
            assert context["handle"] is handle and context["exception"].args == (7,), context
            assert "source_traceback" not in context
        asyncio.run(main())
        for ending in (SystemExit, KeyboardInterrupt):
            def end():
                raise ending(5)
            loop = asyncio.new_event_loop()
            loop.call_soon(end)
            try:
                loop.run_forever()
            except ending as error:
                assert error.args == (5,)
            loop.close()
        """
    )
    outcome = watched(source, tier=tier)
    assert went_on(outcome)
    assert outcome.err == ""


def test_a_loop_of_an_unknown_kind_is_left_alone(watched, tier):
    """A loop that is neither asyncio's nor uvloop's runs as it would without us."""
    outcome = watched(
        program(
            """
            class Strange:
                __slots__ = ()
                def run(self):
                    asyncio._set_running_loop(self)
                    asyncio._set_running_loop(None)
            Strange().run()
            asyncio.run(stall(LONG))
            """
        ),
        tier=tier,
    )
    assert went_on(outcome)
    assert outcome.err == ""
    assert len(outcome.stalls()) == 1


def test_a_loop_on_another_selector_is_watched(watched, tier):
    """A loop on select() or poll() runs as ever, and its stalls are seen; where its turns cannot be, they are not counted as none."""
    outcome = watched(
        program(
            """
            import selectors
            for kind in (selectors.SelectSelector, selectors.PollSelector):
                loop = asyncio.SelectorEventLoop(kind())
                loop.run_until_complete(stall(LONG))
                loop.close()
            """
        ),
        tier=tier,
    )
    assert went_on(outcome)
    assert outcome.err == ""
    turns = [event["turns"] for event in outcome.events("stats")]
    assert 0 not in turns
    assert len(outcome.stalls()) == 2


def test_patches_of_others_are_left_in_place(watched, tier):
    """What a library has put over ours stays when we leave, and still works."""
    outcome = watched(
        program(
            """
            import gc, unjam
            asyncio.run(stall())
            ours, runs = asyncio.Handle._run, []
            def theirs(self):
                runs.append(1)
                ours(self)
            asyncio.Handle._run = theirs
            gc.callbacks.clear()
            unjam.uninstall()
            assert asyncio.Handle._run is theirs
            asyncio.run(asyncio.sleep(0.01))
            assert runs
            """
        ),
        tier=tier,
    )
    assert went_on(outcome)
    assert outcome.err == ""


def test_a_program_without_stderr_is_not_disturbed(watched, tier):
    """A daemon that has closed its standard streams does not meet us there."""
    outcome = watched(
        program(
            """
            import unjam.probes.loops as module
            module.Loops.running = None
            os.close(2)
            asyncio.run(asyncio.sleep(0))
            """
        ),
        tier=tier,
    )
    assert went_on(outcome)


def test_ctrl_c_ends_the_loop_as_ever(watched, tier):
    """An interrupt during a stall raises KeyboardInterrupt in the program, and the recording is complete."""
    outcome = watched(
        program(
            """
            import signal, threading
            async def interrupted():
                other = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
                other.start()
                await stall(1)
                other.join()
                await asyncio.sleep(60)
            try:
                asyncio.run(interrupted())
            except KeyboardInterrupt:
                print("interrupted", file=sys.stderr)
            """
        ),
        tier=tier,
    )
    assert went_on(outcome)
    assert outcome.err == "interrupted\n"
    assert not outcome.process.killed


def test_a_deep_recursion_is_the_programs_own(watched, tier):
    """A stall at the end of the program's stack is recorded, and the recursion limit is met where it always was."""
    outcome = watched(
        program(
            """
            def deep(n):
                return deep(n - 1) if n else time.sleep(0.12)
            async def main():
                deep(700)
                try:
                    deep(10**6)
                except RecursionError:
                    pass
            asyncio.run(main())
            """
        ),
        tier=tier,
    )
    assert went_on(outcome)
    assert outcome.err == ""


def test_the_end_is_quick(watched, tier):
    """A program that ends in the middle of everything is not held up: no thread of ours is waited for longer than a moment."""
    outcome = watched(
        program(
            """
            import atexit, threading
            before = time.monotonic()
            thread = threading.Thread(target=asyncio.run, args=(stall(30),), daemon=True)
            thread.start()
            time.sleep(0.2)
            """
        ),
        tier=tier,
    )
    assert went_on(outcome)
    assert outcome.err == ""
    assert [event["e"] for event in outcome.process.events][-1] == "end"
