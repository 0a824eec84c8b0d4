"""The C Handle._run and Handle.__init__: the same as the originals, and what they tell."""


def test_everything_a_handle_does_is_unchanged(run):
    """Context, arguments, results, cancellation, exceptions with their traceback and sys.exc_info, all as in the original."""
    outcome = run("""
        import contextvars, functools, traceback
        var = contextvars.ContextVar("var", default="outer")
        seen = []
        def note(*args): seen.append((args, var.get()))
        class Odd:  # a context that is no contextvars.Context
            def run(self, callback, *args): callback("odd", *args)
        def exercise(loop):
            seen.clear()
            context = contextvars.copy_context()
            context.run(var.set, "inner")
            loop.call_soon(note, 1, 2)
            loop.call_soon(note, 3, context=context)
            asyncio.Handle(note, [4, 5], loop, context=Odd())._run()  # arguments that are no tuple
            cancelled = loop.call_soon(note, "never")
            cancelled.cancel()
            timer = loop.call_later(0, functools.partial(note, "timer"))
            loop.call_soon(loop.call_soon, loop.stop)
            loop.run_forever()
            entered = contextvars.copy_context()
            errors = []
            loop.set_exception_handler(lambda loop, c: errors.append(
                (type(c["exception"]).__name__, str(c["message"])[:21], c["handle"] is handle,
                 sys.exc_info()[1] is c["exception"],
                 [f.name for f in traceback.extract_tb(c["exception"].__traceback__)])))
            for callback in (lambda: 1 / 0, lambda: entered.run(handle._run), "not callable", lambda x: x):
                handle = asyncio.Handle(callback, (), loop, context=entered)
                handle._run()
            return list(map(repr, seen)), errors, repr(timer)[:12], sys.exc_info()
        loop = asyncio.new_event_loop()
        stock = exercise(loop)
        def report(handle, error):
            # what the original does after `except BaseException as exc`
            callback = asyncio.format_helpers._format_callback_source(handle._callback, handle._args)
            loop.call_exception_handler(
                {"message": f"Exception in callback {callback}", "exception": error, "handle": handle})
        start()
        core.install_steps(asyncio.Handle, report)
        ours = exercise(loop)
        core.stop()
        assert ours == stock, f"{ours}\\n{stock}"
        assert type(asyncio.Handle._run).__name__ == "function"
        loop.close()
    """)
    assert outcome.code == 0, outcome.stderr


def test_exits_pass_through(run):
    """SystemExit and KeyboardInterrupt of a callback leave run_forever, as they do without us."""
    outcome = run("""
        start()
        steps()
        def leave(error): raise error
        for error in (SystemExit(3), KeyboardInterrupt()):
            loop = asyncio.new_event_loop()
            loop.call_soon(leave, error)
            try:
                loop.run_forever()
            except BaseException as caught:
                assert caught is error
            else:
                raise AssertionError(error)
            loop.close()
        assert failures == []
        core.stop()
        raise SystemExit(7)
    """)
    assert outcome.code == 7, outcome.stderr


def test_an_exception_of_the_failure_handler_is_raised_on(run):
    """As when call_exception_handler itself raises; the first exception is its context."""
    outcome = run("""
        start()
        def broken(handle, error): raise LookupError("second")
        core.install_steps(asyncio.Handle, broken)
        loop = asyncio.new_event_loop()
        handle = asyncio.Handle(lambda: 1 / 0, (), loop)
        try:
            handle._run()
        except LookupError as error:
            assert type(error.__context__) is ZeroDivisionError
        else:
            raise AssertionError
        core.stop()
    """)
    assert outcome.code == 0, outcome.stderr


def test_patches_of_others_stay(run):
    """Who patched Handle._run after us keeps the patch when we leave, and it still works."""
    outcome = run("""
        start()
        steps()
        ours = asyncio.Handle._run
        calls = []
        def theirs(self):
            calls.append(self)
            return ours(self)
        asyncio.Handle._run = theirs
        core.stop()
        assert asyncio.Handle._run is theirs
        asyncio.run(asyncio.sleep(0))
        assert calls
    """)
    assert outcome.code == 0, outcome.stderr


def test_handles_that_were_made_wrongly(run):
    """A handle without its members raises what the original raises, into the failure handler."""
    outcome = run("""
        start()
        steps()
        bare = asyncio.Handle.__new__(asyncio.Handle)
        bare._run()
        assert [type(error) for error in failures] == [AttributeError]
        try:
            asyncio.Handle(print)
        except TypeError:
            pass
        else:
            raise AssertionError
        class Loop:
            def get_debug(self): raise LookupError
        try:
            asyncio.Handle(print, (), Loop())
        except LookupError:
            pass
        else:
            raise AssertionError
        core.stop()
    """)
    assert outcome.code == 0, outcome.stderr


def test_late_steps_are_told_with_their_stall(run):
    """The observer hears of the long step, in its thread, with the number of the stall that the lines carry."""
    outcome = run("""
        start()
        steps()
        heard = []
        core.set_step_observer(lambda *told: heard.append((told[0], told[1], told[2]._callback, told[4] - told[3])))
        async def main():
            register()
            await asyncio.sleep(0.01)
            asyncio.get_running_loop().call_soon(time.sleep, 0.6)
            await asyncio.sleep(0.05)
        asyncio.run(main())
        core.stop()
        (step,) = [step for step in heard if step[1] and step[2] is time.sleep]
        assert step[3] >= 600_000_000
        tell(loop=step[0], stall=step[1])
    """)
    assert outcome.code == 0, outcome.stderr
    assert outcome.told == {"loop": 1, "stall": outcome.longest()["id"]}
    assert outcome.longest()["longest_step_ns"] >= 600_000_000


def test_a_crowd_is_counted_and_told(run):
    """One turn of many short steps: the line counts them, none is long, and the observer hears of most."""
    outcome = run("""
        start()
        steps()
        heard = []
        core.set_step_observer(lambda *told: heard.append(told[1]))
        async def main():
            register()
            await asyncio.sleep(0.01)
            for _ in range(100):
                asyncio.get_running_loop().call_soon(time.sleep, 0.008)  # to tell of one may take a hundredth of that
            await asyncio.sleep(0.05)
        asyncio.run(main())
        core.stop()
        tell(heard=len(heard))
    """)
    stall = max(outcome.stalls(), key=lambda stall: stall["steps"])
    assert stall["steps"] >= 100
    assert stall["t1"] - stall["t0"] - stall["longest_step_ns"] >= 99 * 8_000_000
    assert outcome.told["heard"] >= 60


def test_an_observer_that_takes_long_hears_of_few(run):
    """Of steps that are not long it is told so few that it adds little, and of how many there were; long ones it is told of all."""
    outcome = run("""
        start(threshold_ms=500)
        steps()
        heard = []
        def observe(*told):
            heard.append((told[2]._callback is spin, told[5], told[6]))
            spin(0.0002)
        core.set_step_observer(observe)
        async def main():
            register()
            await asyncio.sleep(0.01)
            for _ in range(300):
                asyncio.get_running_loop().call_soon(spin, 0.003)
            asyncio.get_running_loop().call_soon(time.sleep, 0.2)
            for _ in range(50):
                asyncio.get_running_loop().call_soon(spin, 0.003)
            await asyncio.sleep(0.05)
        asyncio.run(main())
        core.stop()
        tell(
            short=sum(short for short, _, _ in heard),
            long=[more for short, more, _ in heard if not short],
            all=sum(1 + more for short, more, _ in heard if short),
            ms=sum(ns for _, _, ns in heard) / 1e6,
        )
    """)
    assert outcome.told["short"] <= 150
    assert 0 in outcome.told["long"]
    assert 250 <= outcome.told["all"] <= 350
    assert outcome.told["ms"] >= 3 * (outcome.told["all"] - outcome.told["short"])


def test_victims_are_those_that_had_to_wait(run):
    """Steps behind the long one and those of the next turn, at most as many as asked for; none without a stall."""
    outcome = run("""
        start(threshold_ms=600)
        steps()
        victims = []
        def observe(loop, stall, handle, ready, now, ended, turn):
            assert (ready < ended < now) if turn else ended == 0
            if turn <= 1: victims.append((stall, handle._callback, now - ready))
        core.set_victim_observer(observe, 3)
        async def main():
            loop = asyncio.get_running_loop()
            register()
            await asyncio.sleep(0.02)
            assert victims == []
            loop.call_later(0.05, len, "late")
            loop.call_soon(time.sleep, 0.7)
            loop.call_soon(max, 1, 2)
            await asyncio.sleep(1.5)
            named = [(callback, delay >= 100_000_000) for _, callback, delay in victims]
            assert named == [(max, True), (len, True)], victims
            victims.clear()
            loop.call_soon(time.sleep, 0.7)
            for _ in range(10): loop.call_soon(min, 1, 2)
            await asyncio.sleep(0.1)
            assert len(victims) == 3 and len({stall for stall, _, _ in victims}) == 1
        asyncio.run(main())
        core.stop()
    """)
    assert outcome.code == 0, outcome.stderr


def test_steps_of_some_turns_after_a_stall_are_told_of(run):
    """Up to the fourth, so many of each; where the select slept the next one is told as a later one, in which only what is measured counts."""
    outcome = run("""
        start(threshold_ms=300)
        steps()
        turns = []
        core.set_victim_observer(lambda *told: turns.append(told[6]), 2)
        async def main():
            loop = asyncio.get_running_loop()
            register()
            await asyncio.sleep(0.02)
            time.sleep(0.4)
            for _ in range(6):
                for _ in range(3): loop.call_soon(len, "")
                await asyncio.sleep(0)
            tell(goes_on=list(turns))
            turns.clear()
            time.sleep(0.4)
            await asyncio.sleep(0.02)
            for _ in range(3): await asyncio.sleep(0)
            tell(slept=list(turns))
        asyncio.run(main())
        core.stop()
    """)
    assert outcome.told["goes_on"] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert {2} <= set(outcome.told["slept"]) <= {2, 3, 4}


def test_an_observer_that_fails_is_silenced(run):
    """Its exception is shown as unraisable, once; the program goes on."""
    outcome = run("""
        start()
        steps()
        calls = []
        def broken(*told):
            calls.append(told)
            raise LookupError("observer")
        core.set_step_observer(broken)
        async def main():
            register()
            for _ in range(3):
                await asyncio.sleep(0)
                time.sleep(0.06)
        asyncio.run(main())
        core.stop()
        tell(calls=len(calls))
    """)
    assert outcome.code == 0
    assert outcome.told["calls"] == 1
    assert outcome.stderr.count("LookupError: observer") == 1


def test_sites_of_callbacks_without_a_frame(run):
    """C callables and partials of them are remembered with the line that scheduled them; Python functions are not."""
    outcome = run("""
        import functools
        start()
        steps()
        async def main():
            loop = asyncio.get_running_loop()
            register()
            def schedule():
                return [
                    loop.call_soon(time.sleep, 0),
                    loop.call_later(0, functools.partial(time.sleep, 0)),
                    loop.call_soon_threadsafe(functools.partial(functools.partial(max), 1, 2)),
                    loop.call_soon(lambda: None),
                    loop.call_soon(functools.partial(schedule.__get__, None)),
                ]
            sites = [core.scheduled_site(handle) for handle in schedule()]
            first = schedule.__code__.co_firstlineno
            lines = [site and (site[0] == __file__, site[1] - first, site[2]) for site in sites]
            tell(lines=lines[:4], other=core.scheduled_site(object()))
            loop.set_debug(True)
            handle = loop.call_soon(time.sleep, 0)
            tell(debug=handle._source_traceback[-1].name)
            loop.set_debug(False)
        asyncio.run(main())
        core.stop()
    """)
    name = "main.<locals>.schedule"
    assert outcome.told["lines"] == [[True, 2, name], [True, 3, name], [True, 4, name], None]
    assert outcome.told["other"] is None
    assert outcome.told["debug"] == "main"


def test_each_loop_is_asked_whether_it_debugs(run):
    """By its own method where it has one, or where somebody has replaced that of asyncio; else by what that one would return."""
    outcome = run("""
        class Debugging(asyncio.SelectorEventLoop):
            def get_debug(self): return True
        def traced(loop):
            return asyncio.Handle(print, (), loop)._source_traceback is not None
        plain, other, own = asyncio.new_event_loop(), asyncio.new_event_loop(), Debugging()
        start()
        steps()
        other.set_debug(True)
        tell(own=traced(own), plain=traced(plain), other=traced(other), again=[traced(own), traced(plain)])
        core.stop()
    """)
    assert outcome.told == {"own": True, "plain": False, "other": True, "again": [True, False]}, outcome.stderr
    outcome = run("""
        loop = asyncio.new_event_loop()
        asyncio.BaseEventLoop.get_debug = lambda self: True
        start()
        steps()
        tell(patched=asyncio.Handle(print, (), loop)._source_traceback is not None)
        core.stop()
    """)
    assert outcome.told == {"patched": True}, outcome.stderr


def test_eager_tasks_and_thread_safe_handles(run):
    """What later versions add (eager tasks in 3.12, locked handles in 3.14) runs through our step as through the original."""
    outcome = run("""
        start()
        steps()
        async def child(): await asyncio.sleep(0); return 5
        async def main():
            register()
            loop = asyncio.get_running_loop()
            if sys.version_info >= (3, 12):
                loop.set_task_factory(asyncio.eager_task_factory)
            assert await asyncio.create_task(child()) == 5
            done = loop.create_future()
            threading.Thread(target=lambda: loop.call_soon_threadsafe(done.set_result, 6)).start()
            assert await done == 6
            tell(steps=core.loop_stats(1)["steps"])
        asyncio.run(main())
        core.stop()
        assert failures == []
    """)
    assert outcome.code == 0, outcome.stderr
    assert outcome.told["steps"] > 2
