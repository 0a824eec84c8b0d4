import asyncio
import threading
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from unjam.bridge import Channel, Pool, loop_thread
from unjam.errors import ChannelClosed, PoolFull, QueueTimeout

CANCELLED = (asyncio.CancelledError, CancelledError)

SETTINGS = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # fmt: skip


class Job:
    """A call of the pool machine: a function that runs until it is let go."""

    def __init__(self, number):
        self.number = number
        self.go, self.began = threading.Event(), threading.Event()
        self.task = None
        self.abandoned = False

    def __call__(self):
        self.began.set()
        assert self.go.wait(60)
        return self.number


class PoolMachine(RuleBasedStateMachine):
    """The model of a pool: a list of those that run, never more than the limit, and a list of those that wait.

    Calls come from two loops, one of them in another thread.
    """

    LIMIT, MAX_QUEUE = 2, 3

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.opened = ExitStack()
        self.other = self.opened.enter_context(loop_thread())
        self.pool = Pool("machine", self.LIMIT, max_queue=self.MAX_QUEUE)
        self.running, self.waiting, self.rejected, self.count = [], [], 0, 0

    def turn(self):
        self.loop.run_until_complete(asyncio.sleep(0))
        self.other.wait(asyncio.sleep, 0)

    def settle(self):
        """Move the model on: freed slots go to the oldest that wait."""
        while self.waiting and len(self.running) < self.LIMIT:
            job = self.waiting.pop(0)
            assert job.began.wait(60), "a slot is free and the oldest call does not start"
            self.running.append(job)

    @rule(elsewhere=st.booleans())
    def submit(self, elsewhere):
        job = self.start(self.pool, elsewhere)
        if self.has_room():
            self.waiting.append(job)
        else:
            self.rejected += 1
            assert isinstance(self.outcome(job), PoolFull)
        self.settle()

    def start(self, view, elsewhere):
        self.count += 1
        job = Job(self.count)
        if elsewhere:
            job.task = self.other.submit(view.run, job)
        else:
            job.task = self.loop.create_task(view.run(job))
        self.turn()
        return job

    def has_room(self):
        return len(self.running) + len(self.waiting) < self.LIMIT + self.MAX_QUEUE

    def outcome(self, job):
        """Wait for what its caller gets: a result or an exception."""

        async def outcome():
            waited = asyncio.wrap_future(job.task) if isinstance(job.task, Future) else job.task
            [got] = await asyncio.wait_for(asyncio.gather(waited, return_exceptions=True), 60)
            return got

        return self.loop.run_until_complete(outcome())

    @precondition(lambda self: len(self.running) == self.LIMIT and self.has_room())
    @rule(elsewhere=st.booleans())
    def run_out_of_time_in_the_queue(self, elsewhere):
        job = self.start(self.pool.options(queue_timeout=0.001), elsewhere)
        assert isinstance(self.outcome(job), QueueTimeout)
        assert not job.began.is_set()

    @precondition(lambda self: len(self.running) < self.LIMIT)
    @rule(elsewhere=st.booleans())
    def run_out_of_time_while_running(self, elsewhere):
        job = self.start(self.pool.options(timeout=0.001), elsewhere)
        assert job.began.wait(60)
        got = self.outcome(job)
        assert isinstance(got, TimeoutError)
        assert not isinstance(got, PoolFull)
        job.abandoned = True
        self.running.append(job)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def finish(self, data):
        job = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        job.go.set()
        if not job.abandoned:
            assert self.outcome(job) == job.number
        else:
            self.loop.run_until_complete(self.freed())
        self.settle()

    async def freed(self):
        while len(self.pool._bulkhead.live) > len(self.running) + len(self.waiting):
            await asyncio.sleep(0.001)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def cancel_running(self, data):
        job = data.draw(st.sampled_from(self.running))
        self.cancel(job)
        job.abandoned = True

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def cancel_waiting(self, data):
        job = self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1)))
        self.cancel(job)
        assert not job.began.is_set()

    def cancel(self, job):
        job.task.cancel()
        # One whose time was up while it ran has its TimeoutError already.
        assert isinstance(self.outcome(job), TimeoutError if job.abandoned and not job.task.cancelled() else CANCELLED)
        self.turn()

    @invariant()
    def the_pool_is_as_the_model(self):
        stats = self.pool.stats()
        abandoned = sum(job.abandoned for job in self.running)
        assert (stats.busy, stats.queued, stats.rejected, stats.abandoned) == (
            len(self.running), len(self.waiting), self.rejected, abandoned,
        )  # fmt: skip

    def teardown(self):
        for job in self.running + self.waiting:
            job.go.set()
        stuck = self.loop.run_until_complete(self.pool.aclose(60))
        for job in self.running + self.waiting:
            self.outcome(job)
        self.opened.close()
        self.loop.close()
        assert stuck == []


class ChannelMachine(RuleBasedStateMachine):
    """The model of a channel: a list, who waits at either end, and whether it is closed."""

    CAPACITY = 3

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.channel = Channel(self.CAPACITY)
        self.items, self.closed, self.count = [], False, 0
        self.putters, self.getters = [], []

    def turn(self):
        for _ in range(6):
            self.loop.run_until_complete(asyncio.sleep(0))

    def settle(self):
        """Move the model on: waiting putters fill the room in order, waiting getters take in order."""
        self.turn()
        moved = True
        while moved:
            moved = False
            if self.getters and self.items:
                assert self.getters.pop(0).result() == self.items.pop(0)
                moved = True
            if self.putters and (self.closed or len(self.items) < self.CAPACITY):
                task, item = self.putters.pop(0)
                if self.closed:
                    assert isinstance(task.exception(), ChannelClosed)
                else:
                    assert task.result() is None
                    self.items.append(item)
                moved = True
            if self.getters and self.closed and not self.items:
                assert isinstance(self.getters.pop(0).exception(), ChannelClosed)
                moved = True

    @rule()
    def put(self):
        self.count += 1
        self.putters.append((self.loop.create_task(self.channel.aput(self.count)), self.count))
        self.settle()

    @rule()
    def get(self):
        self.getters.append(self.loop.create_task(self.channel.aget()))
        self.settle()

    @rule()
    def put_from_a_thread(self):
        self.count += 1
        item = self.count
        if self.closed:
            outcome = ChannelClosed
        elif len(self.items) < self.CAPACITY and not self.putters:
            outcome = None
            self.items.append(item)
        else:
            outcome = TimeoutError
        assert self.in_a_thread(lambda: self.channel.put(item, timeout=0.001)) is outcome
        self.settle()

    @rule()
    def get_from_a_thread(self):
        got = []
        outcome = self.in_a_thread(lambda: got.append(self.channel.get(timeout=0.001)))
        if self.items:
            assert (outcome, got) == (None, [self.items.pop(0)])
        else:
            assert outcome is (ChannelClosed if self.closed else TimeoutError)
        self.settle()

    def in_a_thread(self, function):
        outcome = []

        def work():
            try:
                function()
                outcome.append(None)
            except (ChannelClosed, TimeoutError) as exc:
                outcome.append(type(exc))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join(60)
        return outcome[0]

    @precondition(lambda self: self.getters or self.putters)
    @rule(data=st.data())
    def cancel(self, data):
        waiting = self.getters + [task for task, _ in self.putters]
        task = data.draw(st.sampled_from(range(len(waiting))).map(waiting.__getitem__))
        task.cancel()
        self.getters = [getter for getter in self.getters if getter is not task]
        self.putters = [(putter, item) for putter, item in self.putters if putter is not task]
        self.settle()
        assert task.cancelled()

    @rule()
    def close(self):
        self.closed = True
        self.channel.close()
        self.settle()

    @invariant()
    def the_channel_is_as_the_model(self):
        assert (len(self.channel), self.channel.closed) == (len(self.items), self.closed)
        assert not any(task.done() for task in self.getters)
        assert not any(task.done() for task, _ in self.putters)

    def teardown(self):
        self.closed = True
        self.channel.close()
        self.settle()
        assert list(self.channel) == self.items
        self.loop.close()


TestPoolMachine = PoolMachine.TestCase
TestPoolMachine.settings = SETTINGS
TestChannelMachine = ChannelMachine.TestCase
TestChannelMachine.settings = SETTINGS
