"""What to do about a cycle of waits: by the kinds of its edges, in order of preference, each with its cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from unjam.model.findings import Remedy
from unjam.model.waits import Edge, Graph


def fixes(graph: Graph, edges: Iterable[Edge]) -> tuple[Remedy, ...]:
    """Return the remedies for a cycle, best first; every cycle has one."""
    told = list(edges)
    kinds = {graph.nodes[key].kind for edge in told for key in (edge.source, edge.target)}
    found = [*_pools(graph, told, kinds), *_ends(kinds), *_loops(graph, told, kinds), *_locks(graph, told, kinds)]
    return tuple(dict.fromkeys(found)) or (_BOUNDED,)


_BOUNDED = Remedy("give the wait a time-out and handle it", "turns the hang into an error; the cycle is still there")


def _pools(graph: Graph, edges: list[Edge], kinds: set[str]) -> Iterator[Remedy]:
    if not kinds & {"executor", "limiter"}:
        return
    pool = next(
        graph.nodes[k].label
        for e in edges
        for k in (e.source, e.target)
        if graph.nodes[k].kind in {"executor", "limiter"}
    )
    yield Remedy(
        f"call the inner function directly: a job must not wait for another job of {pool}",
        "none: it takes a thread less",
    )
    yield Remedy("give the inner calls a pool of their own", "more threads; the same must not happen there")


def _ends(kinds: set[str]) -> Iterator[Remedy]:
    if "ended" in kinds:
        yield Remedy("take the lock by `with`, or release it in `finally`", "none")
    if "queue" in kinds:
        yield Remedy(
            "let the consumer survive its exceptions: try/finally with task_done() around each item, and await the consumer "
            "itself (a TaskGroup does)",
            "errors of the consumer show where it is awaited",
        )
    if "future" in kinds and kinds <= {"future", "task", "thread"}:
        yield Remedy("set the future on every path: result, exception and cancellation", "some lines of try/finally")


def _loops(graph: Graph, edges: list[Edge], kinds: set[str]) -> Iterator[Remedy]:
    if "loop" not in kinds:
        return
    for edge in edges:
        source, target = graph.nodes[edge.source], graph.nodes[edge.target]
        if source.kind != "thread":
            continue
        if target.kind == "future":
            yield Remedy(
                "on the loop `await` instead of .result(): the coroutine itself, or `await asyncio.wrap_future(future)`, or "
                "`await loop.run_in_executor(pool, function)`",
                "the function becomes async",
            )
        elif target.kind == "lock":
            yield Remedy(
                f"do not hold {target.label} across an await: copy what is needed inside the `with`, await after it; or use an "
                "asyncio.Lock if only tasks share it",
                "the data may have changed after the await; an asyncio.Lock does not guard against threads",
            )
        elif target.kind == "event":
            yield Remedy(
                "await an asyncio.Event instead", "threads must set it by loop.call_soon_threadsafe(event.set)"
            )
        elif target.kind == "thread":
            yield Remedy(
                "await asyncio.to_thread(thread.join) instead of joining on the loop",
                "takes a thread of the default pool",
            )


def _locks(graph: Graph, edges: list[Edge], kinds: set[str]) -> Iterator[Remedy]:
    locks = [graph.nodes[edge.target].label for edge in edges if graph.nodes[edge.target].kind == "lock"]
    if len(locks) > 1 and "ended" not in kinds:
        yield Remedy(
            f"take {' and '.join(sorted(locks))} in one order everywhere", "none but care: write the order down"
        )
    elif locks and kinds <= {"lock", "thread", "task"} and "ended" not in kinds:
        yield Remedy(
            f"do not take {locks[0]} again while holding it: split the function, or use an RLock (threads only)", "none"
        )
