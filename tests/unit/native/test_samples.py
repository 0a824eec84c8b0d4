"""What is the loop's thread doing? States, system calls and their targets, the GIL and its holder."""

import pytest

BODY = """
import queue
{setup}
asked = queue.SimpleQueue()

def answer():
    function, args = asked.get()
    time.sleep(0.6)
    function(*args)

def later(function, args=()):
    asked.put((function, args))

threading.Thread(target=answer, daemon=True).start()  # here, for starting a thread is a wait, too
start()
steps()
drainer = threading.Thread(target=lambda: [core.drain(0.5) for _ in range(12)], daemon=True)
drainer.start()
def block():
    {call}
async def main():
    register()
    await asyncio.sleep(0.05)
    block()
    await asyncio.sleep(0.05)
    core.unregister_loop(1)
asyncio.run(main())
core.stop()
"""

MATCH = ("match", "prefixmatch")
"""The function of `re` that does it, up to 3.14 and in 3.15."""

KERNEL = {
    "sleep": ("", "time.sleep(0.6)", {"sys": "clock_nanosleep"}),
    "pipe": (
        "r, w = os.pipe()",
        "later(os.write, (w, b'x')); os.read(r, 1)",
        {"sys": "read", "target": "pipe"},
    ),
    "tcp": (
        (
            "server = socket.create_server(('127.0.0.1', 0)); client = socket.create_connection(server.getsockname())\n"
            "peer, _ = server.accept(); tell(port=server.getsockname()[1])"
        ),
        "later(peer.send, (b'x',)); client.recv(1)",
        {"sys": "recvfrom", "target": "tcp 127.0.0.1:PORT"},
    ),
    "poll": (
        (
            "server = socket.create_server(('127.0.0.1', 0)); client = socket.create_connection(server.getsockname())\n"
            "peer, _ = server.accept(); client.settimeout(50); tell(port=server.getsockname()[1])"
        ),
        "later(peer.send, (b'x',)); client.recv(1)",
        {"sys_in": {"poll", "ppoll"}, "target": "tcp 127.0.0.1:PORT"},  # aarch64 has the second one only
    ),
    "listener": (
        "server = socket.create_server(('127.0.0.1', 0)); tell(port=server.getsockname()[1])",
        "later(socket.create_connection, (server.getsockname(),)); server.accept()",
        {"sys": "accept4", "target": "tcp listener 127.0.0.1:PORT"},
    ),
    "unix": (
        (
            "path = os.environ['LINES'] + '.sock'; server = socket.socket(socket.AF_UNIX); server.bind(path)\n"
            "server.listen(); client = socket.socket(socket.AF_UNIX); client.connect(path); peer, _ = server.accept()"
        ),
        "later(peer.send, (b'x',)); client.recv(1)",
        {"sys": "recvfrom", "target_ends": ".sock"},
    ),
    "lock": (
        "lock = threading.Lock(); lock.acquire()",
        "later(lock.release); lock.acquire()",
        {"sys": "futex", "target": "futex"},
    ),
    "child": (
        "import subprocess",
        "subprocess.run(['sleep', '0.6'], close_fds=False)",
        {"sys_in": {"wait4", "waitid", "read", "ppoll", "poll"}},
    ),
    "flock": (
        (
            "import fcntl; a = open(os.environ['LINES'] + '.lock', 'w'); b = open(os.environ['LINES'] + '.lock', 'w')\n"
            "fcntl.flock(a, fcntl.LOCK_EX)"
        ),
        "later(fcntl.flock, (a, fcntl.LOCK_UN)); fcntl.flock(b, fcntl.LOCK_EX)",
        {"sys": "flock", "target_ends": ".lock"},
    ),
    "fifo": (
        "path = os.environ['LINES'] + '.fifo'; os.mkfifo(path)",
        "later(os.open, (path, os.O_RDWR)); os.open(path, os.O_RDONLY)",
        {"sys": "openat", "target_ends": ".fifo"},
    ),
}


@pytest.mark.parametrize("kind", KERNEL)
def test_waits_in_the_kernel_are_named(run, kind):
    """A blocking call shows as state kernel, with its system call and what it waits on; it does not hold the GIL."""
    setup, call, expected = KERNEL[kind]
    outcome = run(BODY.format(setup=setup, call=call))
    assert outcome.code == 0
    sample = outcome.main_sample()
    assert sample["state"] == "kernel"
    assert sample["holds_gil"] is False
    assert sample["sys"] in expected.get("sys_in", {expected.get("sys")})
    port = str(outcome.told.get("port", ""))
    if "target" in expected:
        assert sample["target"] == expected["target"].replace("PORT", port)
    if "target_ends" in expected:
        assert sample["target"].endswith(expected["target_ends"])
    if "block" not in outcome.functions(sample["stack"]):
        pytest.fail("the stack does not show who blocked")


def test_a_wait_is_known_to_last_until_its_end(run):
    """The scheduler shows that a thread which was seen to wait was not on a CPU until it ended: `last` is later than the last look at it.

    Whoever gives its CPU up, or loses it, once more in the same turn may have waited anew. The watchdog looks seldom here: the wait will hardly end
    just in a look, which then tells nothing of it.
    """
    outcome = run(
        """
        import resource
        def given_up():
            usage = resource.getrusage(resource.RUSAGE_THREAD)
            return usage.ru_nvcsw + usage.ru_nivcsw
        start(threshold_ms=1000, tick_ms=200)
        async def main():
            register()
            await asyncio.sleep(0.05)
            before = given_up()
            time.sleep(1.1)
            await asyncio.sleep(0)
            tell(given_up=given_up() - before)
            core.unregister_loop(1)
        asyncio.run(main())
        core.stop()
        """
    )
    assert outcome.code == 0
    sample, (stall,) = outcome.main_sample(), outcome.stalls()
    looked = stall["t0"] + 1000 * (stall["trail"][-1][1] + 1)
    assert looked < sample["last"] <= stall["t1"] or outcome.told["given_up"] > 1


def on_cpu(outcome):
    """How many samples of the first stall were of a thread that could run, and those among them that held the GIL."""
    samples = [sample for sample in outcome.longest()["samples"] if sample["state"] in {"cpu", "ready"}]
    return sum(sample["n"] for sample in samples), sum(sample["n"] for sample in samples if sample["holds_gil"])


def test_python_code_holds_the_gil_and_moves(run):
    """Bytecode: on a CPU, with the GIL, at ever other places; who asks for the GIL gets it in about a switch interval."""
    outcome = run(BODY.format(setup="", call="sum(i * i % 7 for _ in range(40) for i in range(100000))"))
    all_samples, with_gil = on_cpu(outcome)
    stall = outcome.longest()
    assert with_gil >= all_samples * 0.8
    ticks_on_cpu = stall["cpu_ns"] / 10_000_000  # without a CPU nothing moves
    assert sum(sample["moved"] for sample in stall["samples"]) >= min(all_samples, ticks_on_cpu) / 2 > 0
    assert stall["cpu_ns"] + stall["runq_ns"] >= (stall["t1"] - stall["t0"]) * 0.7
    assert stall["gil_asked_ns"] < (stall["t1"] - stall["t0"]) / 2


def test_native_code_that_keeps_the_gil_is_proved(run):
    """One long call in C: nothing moves, and who asks for the GIL waits nearly as long as it computes."""
    outcome = run(BODY.format(setup="", call="re.match(r'(a+)+b', 'a' * 24)"))
    stall = outcome.longest()
    sample = outcome.main_sample()
    assert sample["holds_gil"] is True
    assert sample["moved"] <= 1  # into the call, where the look before it found the thread just short of it
    # Who asks needs a CPU to be seen waiting, as the call needs one to go on.
    assert stall["gil_asked_ns"] > min(stall["t1"] - stall["t0"], stall["cpu_ns"]) / 2
    assert outcome.functions(sample["stack"])[-1] in MATCH


def test_native_code_without_the_gil(run):
    """One long call in C that lets the GIL go: on a CPU, without the GIL."""
    outcome = run(BODY.format(setup="import hashlib; data = b'x' * 150_000_000", call="hashlib.sha256(data)"))
    all_samples, with_gil = on_cpu(outcome)
    assert with_gil <= all_samples * 0.3
    assert outcome.functions(outcome.main_sample()["stack"])[-1] == "block"


def holders(outcome):
    """{innermost function of the thread that held the GIL: samples}, over all stalls."""
    found = {}
    for stall in outcome.own_stalls():
        for sample in stall["samples"]:
            if sample["state"] == "gil" and "stack" in sample.get("holder", {}):
                name = outcome.functions(sample["holder"]["stack"])[-1]
                found[name] = found.get(name, 0) + sample["n"]
    return found


@pytest.mark.parametrize("hog", ["re.match(r'(a+)+b', 'a' * 24)", "spin(0.4)"])
def test_the_holder_of_the_gil_is_the_other_thread(run, hog):
    """While another thread keeps the GIL, the loop's thread waits for it, and the holder's own line is in the sample."""
    outcome = run(f"""
        sys.setswitchinterval(0.05)
        start(threshold_ms=30)
        def hog():
            {hog}
        async def main():
            register()
            await asyncio.sleep(0.02)
            for _ in range(3):
                thread = threading.Thread(target=hog)
                thread.start()
                for _ in range(40):
                    await asyncio.sleep(0.005)
                await asyncio.get_running_loop().run_in_executor(None, thread.join)
            core.unregister_loop(1)
        asyncio.run(main())
        core.stop()
    """)
    waiting = sum(s["n"] for stall in outcome.own_stalls() for s in stall["samples"] if s["state"] == "gil")
    everything = sum(s["n"] for stall in outcome.own_stalls() for s in stall["samples"])
    assert waiting >= everything * 0.7
    assert sum(holders(outcome).get(name, 0) for name in ("spin", "hog", *MATCH)) >= waiting * 0.9


def test_thread_state_and_stack_of_any_thread(run):
    """The same facts for a thread that is no loop's; None and "unknown" for one that is not there."""
    outcome = run("""
        lock = threading.Lock(); lock.acquire()
        def wait_here(): lock.acquire()
        start()
        thread = threading.Thread(target=wait_here); thread.start()
        until(lambda: core.thread_state(thread.ident)["sys"] == "futex")
        state, stack = core.thread_state(thread.ident), core.stack_of(thread.ident)
        tell(state=state, leaf=stack[-1], own=core.stack_of(threading.get_ident())[-1][2])
        tell(gone=core.stack_of(12345), unknown=core.thread_state(12345)["state"])
        lock.release()
        thread.join()
        core.stop()
    """)
    assert outcome.told["state"] == {
        "state": "kernel", "holds_gil": False, "sys": "futex", "fd": None, "target": "futex", "holder": None,
    }  # fmt: skip
    assert outcome.told["leaf"][2] == "wait_here"
    assert outcome.told["leaf"][6] == "f"
    assert outcome.told["own"] == "<module>"
    assert (outcome.told["gone"], outcome.told["unknown"]) == (None, "unknown")
