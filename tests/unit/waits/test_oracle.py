"""Random programs of tasks, threads, loops and locks: what is called stuck is what a simulation never gets done."""

import random

from unjam.diagnosis.waits import stuck
from unjam.model.findings import Grade
from unjam.model.waits import TURN, Edge, Graph, Node

PROGRAMS = 10_000


class Program:
    """Threads and tasks that each hold some locks and want one, join one another, or do something that ends."""

    def __init__(self, chance):
        self.threads = [f"thread:{n}" for n in range(chance.randint(1, 5))]
        self.loops = {
            f"loop:{n}": thread
            for n, thread in enumerate(chance.sample(self.threads, chance.randint(0, len(self.threads))))
        }
        self.tasks = {
            f"task:{n}": chance.choice(sorted(self.loops)) for n in range(chance.randint(0, 6) if self.loops else 0)
        }
        self.holder, self.wants, self.timed = {}, {}, set()
        actors = self.threads + sorted(self.tasks)
        for number in range(chance.randint(0, 6)):
            self.holder[f"lock:{number}"] = chance.choice([*actors, None, "ended"])
        for actor in actors:
            targets = [*sorted(self.holder), *actors, None, None]
            self.wants[actor] = chance.choice(targets)
            if chance.random() < 0.15:
                self.timed.add(actor)
        self.parked = {thread for thread in self.loops.values() if chance.random() < 0.6}
        for thread in self.parked:
            self.wants[thread] = None

    def never_done(self):
        """Run everything that can run until nothing changes; returns who is left.

        A thread or task is done when what it wants is done or free, or it waits with a time-out; a task needs its loop's
        thread to turn, whatever else it wants. A loop turns if its thread is parked in its select, or gets done.
        """
        done, free = set(), {lock for lock, holder in self.holder.items() if holder is None}
        while True:
            before = len(done) + len(free)
            for actor, wanted in self.wants.items():
                can = wanted is None or wanted in done or wanted in free or (actor in self.timed)
                if actor in self.tasks:
                    can = can and self.loops[self.tasks[actor]] in done
                if can:
                    done.add(actor)
            free |= {lock for lock, holder in self.holder.items() if holder in done}
            if len(done) + len(free) == before:
                return set(self.wants) - done

    def graph(self):
        nodes = {"ended": Node("ended", "ended", "a thread that has ended")}
        edges = []
        for actor, wanted in self.wants.items():
            nodes[actor] = Node(actor, actor.partition(":")[0], actor, "all")
            if wanted is not None:
                edges.append(
                    Edge(actor, wanted, "waits for", Grade.EXACT, ends_ms=5.0 if actor in self.timed else None)
                )
        for task, loop in self.tasks.items():
            edges.append(Edge(task, loop, TURN, Grade.EXACT))
        for loop, thread in self.loops.items():
            nodes[loop] = Node(loop, "loop", loop, "all")
            edges.append(Edge(loop, thread, "runs on", Grade.EXACT))
        for lock, holder in self.holder.items():
            nodes[lock] = Node(lock, "lock", lock, "all")
            if holder is not None:
                edges.append(Edge(lock, holder, "is held by", Grade.EXACT))
        return Graph(1, "3", 0, nodes=nodes, edges=tuple(edges))


def told(graph):
    """Return the threads and tasks that the verdict calls stuck, and check what it says of why."""
    found = set()
    for reason in stuck(graph):
        for first, second in zip(reason.edges, reason.edges[1:], strict=False):
            assert first.target == second.source
        closed = reason.edges[-1].target == reason.edges[0].source
        assert closed or reason.edges[-1].target == "ended"
        assert all(edge.ends_ms is None for edge in reason.edges)
        found |= {edge.source for edge in reason.edges} | set(reason.also)
    return {key for key in found if key.startswith(("thread", "task"))}


def cancelled_along(program):
    """Say whether a time-out of a task could free others by cancelling them: that is judged more cautiously than simulated."""
    return any(actor.startswith("task") and str(program.wants[actor]).startswith("task") for actor in program.timed)


def test_stuck_is_what_a_simulation_never_gets_done():
    """In ten thousand random programs there is no false deadlock, and none is missed."""
    chance = random.Random(20)
    stuck_ones = 0
    for _ in range(PROGRAMS):
        program = Program(chance)
        expected, said = program.never_done(), told(program.graph())
        assert said <= expected, vars(program)
        if not cancelled_along(program):
            assert said == expected, vars(program)
        stuck_ones += bool(expected)
    assert PROGRAMS * 0.2 < stuck_ones < PROGRAMS * 0.9


def test_a_node_that_moved_ends_every_cycle_through_it():
    """What differs from the snapshot before is alive, and so is whoever waits for it."""
    graph = Graph(
        1,
        "3",
        0,
        nodes={key: Node(key, key[:4], key, "all") for key in ("task:1", "task:2", "lock:1", "lock:2")},
        edges=tuple(
            Edge(a, b, "waits for", Grade.EXACT)
            for a, b in (("task:1", "lock:1"), ("lock:1", "task:2"), ("task:2", "lock:2"), ("lock:2", "task:1"))
        ),
    )
    assert [len(reason.edges) for reason in stuck(graph)] == [4]
    from dataclasses import replace

    assert stuck(replace(graph, moved=frozenset({"task:2"}))) == ()


def test_a_chain_of_ten_thousand_tasks_is_judged_without_recursion():
    """A deep chain behind a cycle is found whole."""
    count = 10_000
    nodes = {f"task:{n}": Node(f"task:{n}", "task", str(n), "all") for n in range(count)}
    edges = tuple(
        Edge(f"task:{n}", f"task:{max(0, n - 1) if n > 1 else 1 - n}", "waits for", Grade.EXACT) for n in range(count)
    )
    (reason,) = stuck(Graph(1, "3", 0, nodes=nodes, edges=edges))
    assert (len(reason.edges), len(reason.also)) == (2, count - 2)


def test_one_free_worker_frees_a_pool():
    """A pool is stuck only if every worker is."""

    def graph(stuck_workers, workers):
        nodes = {
            "executor:1": Node("executor:1", "executor", "pool", "any"),
            "future:1": Node("future:1", "future", "job", "any"),
        }
        edges = [Edge("future:1", "executor:1", "is queued in", Grade.EXACT)]
        for n in range(workers):
            nodes[f"thread:{n}"] = Node(f"thread:{n}", "thread", str(n), "all")
            edges.append(Edge("executor:1", f"thread:{n}", "needs a free worker:", Grade.EXACT))
            if n < stuck_workers:
                edges.append(Edge(f"thread:{n}", "future:1", "waits for", Grade.EXACT))
        return Graph(1, "3", 0, nodes=nodes, edges=tuple(edges))

    assert stuck(graph(3, 4)) == ()
    (reason,) = stuck(graph(4, 4))
    assert {edge.source for edge in (*reason.edges, *reason.beside)} >= {"executor:1", "future:1"}
