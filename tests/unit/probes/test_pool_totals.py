"""Laws of pools as numbers: names are bounded, waits never go back, and what is gone still counts."""

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unjam import bridge
from unjam.probes.patching import ImportWatch
from unjam.probes.pool_state import WAIT_BOUNDS_NS, PoolState
from unjam.probes.pool_totals import MOST_NAMES, OTHER, PoolTotals, by_wait_bounds, unnumbered
from unjam.probes.pools import Pools


@dataclass
class Waits:
    counts: tuple


@dataclass
class BridgePool:
    name: str
    counts: tuple
    limit: int = 2
    busy: int = 1
    queued: int = 0
    oldest_wait: float | None = None
    wait: Waits = field(init=False)

    def __post_init__(self):
        self.wait = Waits(self.counts)


@pytest.fixture
def pools():
    imports, pools = ImportWatch(), Pools(lambda line: None, threshold_ns=50_000_000)
    pools.install(imports)
    pools.count_waits()
    yield pools
    pools.uninstall()
    imports.stop()


def told(pools, name):
    return next((total for total in pools.totals() if total.name == name), None)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("ThreadPoolExecutor-12", "ThreadPoolExecutor"),
        ("db_3", "db"),
        ("db3", "db3"),
        ("pdf", "pdf"),
        ("7", "7"),
        ("", "unnamed"),
    ],
)
def test_a_name_loses_its_number(name, short):
    """Pools that differ by a number are one."""
    assert unnumbered(name) == short


def test_names_are_bounded():
    """What comes after the first so many is told as one."""
    totals = PoolTotals()
    states = [PoolState(f"pool {chr(97 + number)}", "executor", limit=1, threshold_ns=1) for number in range(26)]
    told = {total.name: total.size for total in totals.sums([(state, 0) for state in states], [])}
    assert len(told) == MOST_NAMES + 1
    assert told[OTHER] == 26 - MOST_NAMES


def test_every_call_counts_and_so_does_a_pool_that_is_gone(pools):
    """The waits of a pool stay when it is collected; its size and its workers go."""
    with ThreadPoolExecutor(2, thread_name_prefix="gone") as pool:
        for future in [pool.submit(int) for _ in range(10)]:
            future.result()
    before = told(pools, "gone")
    del pool, future
    gc.collect()
    after = told(pools, "gone")
    pools.tick()
    assert (before.size, sum(before.waits)) == (2, 10)
    assert (after.size, after.busy, after.waits, after.waited_ns) == (0, 0, before.waits, before.waited_ns)
    assert told(pools, "gone").waits == before.waits


def test_what_queues_now_is_told(pools):
    """Busy and queued are of this moment."""
    gate, begun = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1, thread_name_prefix="narrow") as pool:
        pool.submit(lambda: begun.set() or gate.wait(60))
        pool.submit(int)
        pool.submit(int)
        assert begun.wait(60)
        now = told(pools, "narrow")
        gate.set()
    assert (now.size, now.busy, now.queued) == (1, 1, 2)


def test_bridge_pools_are_told_beside_the_others(pools):
    """Their waits come in powers of two and without a sum, which is then not known."""

    async def main():
        pool = bridge.Pool("bridged", 2)
        for _ in range(3):
            await pool.run(int)
        now = told(pools, "bridged")
        await pool.aclose(30)
        return now

    now = asyncio.run(main())
    assert (now.size, now.waited_ns) == (2, None)
    assert 2 <= sum(now.waits) <= 3  # the last call may be counted after its result is out


def test_a_child_of_a_fork_has_none_of_the_parents(pools):
    """No worker of the parent is busy in it, and the parent's counts are the parent's."""
    with ThreadPoolExecutor(1, thread_name_prefix="parents") as pool:
        pool.submit(int).result(30)
        pools.after_fork_in_child()
        assert told(pools, "parents") is None


def test_a_bridge_pool_that_is_closed_takes_nothing_back():
    """Its counts stay in the sum, and one of the same name after it adds to them."""
    totals, empty = PoolTotals(), [0] * 10

    def count(*bridges):
        return sum(sum(total.waits) for total in totals.sums([], bridges))

    old, new = BridgePool("db", (*empty, 5)), BridgePool("db", (*empty, 2))
    assert [count(old), count(), count(), count(new), count(new)] == [5, 5, 5, 7, 7]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=64))
def test_powers_of_two_are_put_where_they_surely_fit(powers):
    """Nothing is lost, and nothing is said to be below a bound that it may be above."""
    counts = by_wait_bounds(powers)
    assert sum(counts) == sum(powers)
    for number, bound in enumerate(WAIT_BOUNDS_NS):
        assert sum(counts[: number + 1]) == sum(count for power, count in enumerate(powers) if 2**power <= bound)
