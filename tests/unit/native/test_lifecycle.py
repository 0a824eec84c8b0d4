"""The life of the engine: start, stop, lines in and out, fork, closed descriptors, processes that end without a word."""


def test_start_and_stop(run):
    """It may be started again after a stop, not twice at once, and leaves nothing patched."""
    outcome = run("""
        before = (asyncio.Handle._run, asyncio.Handle.__init__, threading.active_count())
        for _ in range(3):
            start()
            steps()
            try:
                start()
            except RuntimeError:
                pass
            else:
                raise AssertionError
            asyncio.run(asyncio.sleep(0))
            core.stop()
            core.stop()
            assert (asyncio.Handle._run, asyncio.Handle.__init__, threading.active_count()) == before
        # A thread that has been joined is listed for some 50 us more.
        until(lambda: len(os.listdir("/proc/self/task")) == 1)
        for wrong in ({}, {"threshold_ns": 0, "tick_ns": 1}, {"threshold_ns": 1}):
            try:
                core.start(**wrong)
            except ValueError:
                pass
            else:
                raise AssertionError(wrong)
    """)
    assert outcome.code == 0, outcome.stderr


def test_stop_while_loops_run(run):
    """Stopping and starting again under a running loop does it no harm; registered again, it is watched again."""
    outcome = run("""
        async def main():
            for number in range(20):
                start()
                steps()
                register(number)
                await asyncio.sleep(0.002)
                assert core.loop_stats(number)["turns"]
                core.stop()
                assert core.loop_stats(number) is None
                await asyncio.sleep(0.002)
        asyncio.run(main())
    """)
    assert outcome.code == 0, outcome.stderr


def test_lines_reach_the_descriptor_and_the_drainer(run):
    """What is emitted is written and handed over once, in order; wake ends a wait; a line must end in its newline."""
    outcome = run("""
        start(keep=100)
        core.emit(b'{"e":"one"}\\n')
        core.emit(b'{"e":"two"}\\n')
        assert core.drain(5) == [b'{"e":"one"}\\n', b'{"e":"two"}\\n']
        assert core.drain(0) == []
        for wrong in (b"", b"x", b"a\\nb\\n"):
            try:
                core.emit(wrong)
            except ValueError:
                pass
            else:
                raise AssertionError(wrong)
        got = []
        thread = threading.Thread(target=lambda: got.append(core.drain(60)))
        thread.start()
        until(lambda: core.thread_state(thread.ident)["sys"] == "futex")
        core.wake()
        thread.join()
        assert got == [[]]
        core.wake()
        assert core.drain(0) == []
        assert core.drain(600) == []  # whoever is about to wait is woken as well
        core.stop()
    """)
    assert outcome.code == 0, outcome.stderr
    assert [event["e"] for event in outcome.events] == ["one", "two"]


def test_lines_that_are_taken_in_time_need_no_more_memory(run):
    """A ring of eight megabytes through which twenty go, a little at a time, keeps to its first pages."""
    outcome = run("""
        def resident():
            with open("/proc/self/statm") as statm:
                return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        def pass_through(count):
            for _ in range(count):
                core.emit(line)
                assert core.drain(5) == [line]

        line = b'{"e":"' + b"x" * 9_990 + b'"}\\n'
        start(keep=8192)
        pass_through(20)
        before = resident()
        pass_through(2000)
        tell(grown=resident() - before)
    """)
    assert outcome.code == 0, outcome.stderr
    assert outcome.told["grown"] < 2_000_000


def test_stalls_are_drained_while_they_last(run):
    """A drainer gets the line of a stall before the stall is over."""
    outcome = run("""
        start(keep=100)
        lines = []
        def drainer():
            while not any(b'"stall"' in line and b'"t1":null' in line for line in lines):
                lines.extend(core.drain(1))
            found.set()
        found = threading.Event()
        threading.Thread(target=drainer, daemon=True).start()
        async def main():
            register()
            await asyncio.sleep(0.01)
            assert found.wait(50)  # it is this wait that stalls the loop
        asyncio.run(main())
        tell(open=json.loads(lines[-1])["t1"] is None)
        core.stop()
    """)
    assert outcome.told == {"open": True}


def test_a_full_disk_is_counted(run):
    """Lines that cannot be written are counted and dropped; the program does not notice."""
    outcome = run("""
        start(fd=os.open("/dev/full", os.O_WRONLY))
        for _ in range(3): core.emit(b'{}\\n')
        tell(lost=core.lost())
        core.stop()
    """)
    assert outcome.told == {"lost": 3}


def test_nobody_drains(run):
    """A ring that is full loses lines, counts them, and keeps those it has."""
    outcome = run("""
        start(keep=1)
        line = b'{"e":"' + b"x" * 1000 + b'"}\\n'
        for _ in range(200): core.emit(line)
        kept = core.drain(0)
        assert set(kept) == {line}
        tell(together=core.lost() + len(kept), kept=len(kept) > 20)
        core.stop()
    """)
    assert outcome.told == {"together": 200, "kept": True}
    assert outcome.of("lost")[-1]["events"] > 0


def test_closed_descriptors_are_never_used_again(run):
    """A program that closes every descriptor and opens files of its own finds nothing of ours in them."""
    outcome = run("""
        start()
        async def main():
            register()
            await asyncio.sleep(0.02)
            keep = {0, 1, 2, epoll_of(asyncio.get_running_loop())}
            loop = asyncio.get_running_loop()
            keep |= {loop._ssock.fileno(), loop._csock.fileno()}
            for fd in range(3, 2000):
                if fd not in keep:
                    try: os.close(fd)
                    except OSError: pass
            path = os.environ["LINES"] + ".own"
            for _ in range(800): os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            time.sleep(0.2)
            await asyncio.sleep(0.05)
            core.emit(b"{}\\n")
            core.unregister_loop(1)
            core.stop()
            tell(size=os.stat(path).st_size, lost=core.lost() > 0)
            tell(open=len(os.listdir("/proc/self/fd")) >= 800)
        asyncio.run(main())
    """)
    assert outcome.code == 0, outcome.stderr
    assert outcome.told == {"size": 0, "lost": True, "open": True}


def test_a_fork_has_no_watch_and_can_start_its_own(run):
    """In the child nothing of the parent goes on: no line, no thread; it may start afresh; the parent is not touched."""
    outcome = run("""
        start()
        steps()
        async def block(number=None):
            if number: register(number)
            await asyncio.sleep(0.01)
            time.sleep(0.15)
            await asyncio.sleep(0.01)
            if number: core.unregister_loop(number)
        async def main():
            register()
            await asyncio.sleep(0.02)
            pid = os.fork()
            if pid == 0:
                core.emit(b'{"e":"from the child"}\\n')
                asyncio.run(block())
                core.after_fork_in_child()
                assert core.loop_stats(1) is None
                assert len(os.listdir("/proc/self/task")) == 1
                start()
                steps()
                asyncio.run(block(9))
                core.stop()
                os._exit(0)
            time.sleep(0.15)
            assert os.waitpid(pid, 0)[1] == 0
            await asyncio.sleep(0.02)
            core.unregister_loop(1)
        asyncio.run(main())
        core.stop()
    """)
    assert outcome.code == 0, outcome.stderr
    assert {stall["loop"] for stall in outcome.of("stall")} == {1, 9}
    assert outcome.of("from the child") == []


def test_loops_that_begin_and_end_in_a_pause(run):
    """Nobody looks meanwhile, and nothing is lost: a loop is watched from its beginning, and its stalls are told after the pause."""
    outcome = run("""
        start()
        async def block(number):
            register(number)
            await asyncio.sleep(0.001)
            time.sleep(0.08)
            await asyncio.sleep(0.001)
            told = core.loop_stats(number)["turns"] is not None
            core.unregister_loop(number)
            return told
        async def main():
            core.pause()
            register(1)
            await asyncio.sleep(0.001)
            thread.start()
            thread.join()  # it ends in the pause, and this loop after it
            core.resume()
            await asyncio.sleep(0.001)
            core.unregister_loop(1)
        known = []
        thread = threading.Thread(target=lambda: known.append(asyncio.run(block(2))))
        asyncio.run(main())
        core.stop()
        tell(known=known)
    """)
    assert outcome.code == 0, outcome.stderr
    assert outcome.told == {"known": [True]}
    assert {stall["loop"]: stall["t1"] is not None for stall in outcome.own_stalls()} == {1: True, 2: True}


def test_no_thread_is_left_in_a_pause(run):
    """Not even one that has ended and that the system still counts, unless it is known as one of unjam's: from 3.12 on a fork is warned of it."""
    outcome = run("""
        from unjam.native.quiet_thread import other_threads
        start()
        counts = set()
        for _ in range(200):
            core.pause()
            counts.add(other_threads())
            core.resume()
        core.stop()
        tell(counts=sorted(counts))
    """)
    assert outcome.told == {"counts": [1]}


def test_forks_of_a_process_at_work(run):
    """A hundred forks while stalls are written and threads emit: no child hangs on a lock that nobody holds there."""
    outcome = run("""
        import subprocess
        start(threshold_ms=1, tick_ms=1, keep=50)
        running = True
        def emitter():
            while running: core.emit(b'{"e":"x"}\\n')
        def drainer():
            while running: core.drain(0.01)
        threads = [threading.Thread(target=f) for f in (emitter, drainer)]
        for thread in threads: thread.start()
        async def main():
            register()
            for _ in range(80):
                await asyncio.sleep(0)
                pid = os.fork()
                if pid == 0:
                    core.after_fork_in_child()
                    start(keep=5)
                    core.emit(b'{"e":"child"}\\n')
                    core.stack_of(threading.get_ident())
                    core.stop()
                    os._exit(0)
                assert os.waitpid(pid, 0)[1] == 0
            for _ in range(20): subprocess.run(["true"])
        asyncio.run(main())
        running = False
        for thread in threads: thread.join()
        core.stop()
    """)
    assert outcome.code == 0, outcome.stderr
    assert len(outcome.of("child")) == 80


def test_ends_without_a_word(run):
    """A process that exits, or is left by os._exit, without stop() ends as it would, with its own code."""
    for end, code in (("sys.exit(5)", 5), ("os._exit(6)", 6), ("pass", 0)):
        outcome = run(f"""
            start(keep=10)
            steps()
            threading.Thread(target=core.drain, args=(600,), daemon=True).start()
            async def main():
                register()
                await asyncio.sleep(0.01)
                time.sleep(0.06)
                await asyncio.sleep(0)
            asyncio.run(main())
            {end}
        """)
        assert (outcome.code, outcome.stderr) == (code, "")


def test_a_second_interpreter_is_left_alone(run):
    """Loops of a subinterpreter are not watched, and nothing breaks."""
    outcome = run("""
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        start()
        steps()
        other = interpreters.create()
        source = '''
        import select
        try:
            from unjam.native import _core as core
        except ImportError:  # from 3.12 on it is refused
            core = None
        epoll = select.epoll()
        if core:
            core.register_loop(5, epoll.fileno())
            assert core.loop_stats(5) is None
        epoll.poll(0.01)
        '''
        import textwrap
        failed = interpreters.run_string(other, textwrap.dedent(source))
        assert not failed, failed
        interpreters.destroy(other)
        asyncio.run(asyncio.sleep(0))
        core.stop()
    """)
    assert outcome.code == 0, outcome.stderr


def test_a_collection_is_told(run):
    """A pause of the garbage collector of 5 ms or more is one event; shorter ones are none."""
    outcome = run("""
        import gc
        start()
        gc.callbacks.append(core.gc_callback)
        gc.collect()
        short = gc.collect()
        gc.disable()
        class Node: pass
        nodes = []
        for _ in range(300_000):
            node = Node(); node.itself = node; nodes.append(node)
        del nodes, node
        before = time.monotonic_ns()
        gc.collect()
        tell(before=before, after=time.monotonic_ns())
        core.stop()
    """)
    event = outcome.of("gc")[-1]
    assert outcome.told["before"] <= event["t0"] < event["t1"] <= outcome.told["after"]
    assert event["gen"] == 2
    assert event["collected"] >= 300_000
    assert event["loop"] is None


def test_constants_keep_their_references(run):
    """A call that answers True, False or None leaves as many references to them as there were, with the headers of any CPython."""
    outcome = run("""
        counts = [sys.getrefcount(each) for each in (True, False, None)]
        for number in range(2_000):
            core.register_loop(number + 1, -1)
            core.unregister_loop(number + 1)
        tell(lost=[before - sys.getrefcount(each) for before, each in zip(counts, (True, False, None))])
    """)
    assert outcome.code == 0, outcome.stderr
    assert max(outcome.told["lost"]) < 100
