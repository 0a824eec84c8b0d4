"""The wait-for graph while it is collected: nodes, edges and who holds what, gathered in slices that let the program run."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from unjam.model.findings import Grade, Location
from unjam.model.waits import Edge, Graph, Line, Needs, Node
from unjam.native.originals import sleep
from unjam.probes.locks import inner_lock
from unjam.probes.waits_memory import LOCK_TYPE, RLOCK_TYPE, Memory
from unjam.probes.waits_read import Identities, is_a

if TYPE_CHECKING:
    from types import CodeType

SLICE_S: Final = 0.008
"""CPU time between two pauses. Others get the GIL every 5 ms anyway; the pause makes sure that they also get the CPU."""
PAUSE_S: Final = 0.001
"""The others run then whether they have used up their share or not; the slice after it begins when the GIL is free."""
STACK_HEAD: Final = 20
STACK_TAIL: Final = 80
"""Frames kept of a stack: the outermost and the innermost ones."""


class Claim(NamedTuple):
    """Somebody says to hold or to be about to set something."""

    key: str
    verb: str
    grade: Grade
    why: str
    site: Location | None = None


@dataclass(slots=True)
class Scene:
    """What one collection has found so far. Keys of objects are made of their kind and address; locks of their semaphore's."""

    memory: Memory
    identities: Identities
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    holders: dict[str, list[Claim]] = field(default_factory=dict)
    setters: dict[int, list[Claim]] = field(default_factory=dict)
    """By address of a future or an event: what is known to set it when it gets to run."""
    wanted: dict[int, str] = field(default_factory=dict)
    """By address: the nodes of which it is worth to know who else can reach the object."""
    objects: dict[str, Any] = field(default_factory=dict)
    """By key: the object of a node that somebody else than its waiters and holders might free."""
    calls: dict[int, str] = field(default_factory=dict)
    """By address of a future that only a pool sets, so that all who might do so are known: what it is called."""
    names: dict[int, str] = field(default_factory=dict)
    """By address of an object: the expression by which a frame that uses it calls it."""
    library_names: dict[int, str] = field(default_factory=dict)
    """The same from frames of the standard library: better than none."""
    nameless: dict[int, int] = field(default_factory=dict)
    """By address of an object: in how many frames a name for it was looked for."""
    truncated: dict[str, int] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)
    """What could not be observed, with the reason."""
    shapes: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    """By the instructions at which the coroutines of a task are suspended: what that says (waits_tasks.Shape)."""
    _stacks: dict[tuple[tuple[int, int], ...], int] = field(default_factory=dict)
    _lines: list[tuple[Line, ...]] = field(default_factory=list)
    _codes: dict[int, CodeType] = field(default_factory=dict)
    """By address: kept, so that an address that is a key stays theirs."""
    _blocks: dict[tuple[int, int], tuple[str, bool, Location]] = field(default_factory=dict)
    _slice_began: float = field(default_factory=time.thread_time)
    _wall_began: float = field(default_factory=time.monotonic)
    longest_slice: float = 0.0

    def pause(self) -> bool:
        """Let the program run if this slice is used up, and say so; called between small pieces of work."""
        if time.monotonic() - self._wall_began < SLICE_S:
            return False  # So it cannot have used more CPU time, whose clock is a system call.
        now = time.thread_time()
        used = now - self._slice_began
        if used >= SLICE_S:
            self.longest_slice = max(self.longest_slice, used)
            sleep(PAUSE_S)
            self._slice_began = time.thread_time()
            self._wall_began = time.monotonic()
            return True
        # The rest of the slice takes at least this long.
        self._wall_began = time.monotonic() - used
        return False

    def add(
        self, key: str, kind: str, label: str, *, needs: Needs = "nothing", sig: str = "", stack: int = -1, **facts: Any
    ) -> str:
        """Add a node, or replace what is known of it; returns its key."""
        self.nodes[key] = Node(key, kind, label, needs, sig, stack, facts)
        return key

    def name_of(self, value: Any) -> str | None:
        """Return how frames call an object."""
        return self.names.get(id(value)) or self.library_names.get(id(value))

    def want(self, key: str, value: Any) -> None:
        """Ask who else can reach the object of a node."""
        self.wanted[id(value)] = key

    def rename(self, key: str, address: int, path: str) -> None:
        """Give the object of a node a name if it has none."""
        if address not in self.names:
            self.names[address] = path
            node = self.nodes[key]
            self.nodes[key] = node._replace(label=f"{node.label} `{path}`")

    def know(self, key: str, **facts: Any) -> None:
        """Add to the facts of a node."""
        node = self.nodes[key]
        self.nodes[key] = node._replace(facts={**node.facts, **facts})

    def edge(self, source: str, claim: Claim, *, ends_ms: float | None = None) -> None:
        """Say that `source` waits for the node of the claim."""
        self.edges.append(Edge(source, claim.key, claim.verb, claim.grade, claim.why, claim.site, ends_ms))

    def stack(self, frames: list[tuple[CodeType, int]]) -> int:
        """Return the number of a stack (outermost first), equal stacks having one number."""
        if len(frames) > STACK_HEAD + STACK_TAIL:
            self.truncated["frames"] = self.truncated.get("frames", 0) + len(frames) - STACK_HEAD - STACK_TAIL
            frames = frames[:STACK_HEAD] + frames[-STACK_TAIL:]
        key = tuple((id(code), line) for code, line in frames)
        found = self._stacks.get(key)
        if found is None:
            found = self._stacks[key] = len(self._lines)
            self._lines.append(tuple((code.co_filename, line, code.co_qualname) for code, line in frames))
            self._codes.update((id(code), code) for code, _ in frames)
        return found

    def block(self, code: CodeType, line: int) -> tuple[str, bool, Location]:
        """Return how it is known that a `with` block at that line holds its manager, whether that is sure, and the place."""
        found = self._blocks.get((id(code), line))
        if found is None:
            # A function that also calls release() may have given the lock back inside its `with`.
            sure = "release" not in code.co_names
            why = "the frame's value stack holds its exit" + ("" if sure else "; the function also calls release()")
            found = self._blocks[id(code), line] = why, sure, location(code, line)
            self._codes[id(code)] = code
        return found

    def lock_key(self, lock: Any) -> str | None:
        """Return the key of a real or tracked lock, None for anything else."""
        real = inner_lock(lock)
        return self.lock_key_at(id(real)) if type(real) is LOCK_TYPE or is_a(real, RLOCK_TYPE) else None

    def lock_key_at(self, address: int) -> str:
        """Return the key of the lock at an address: by where it has its state, the only thing that a wait for it shows."""
        return f"lock:{self.memory.state(address) or address:x}"

    def key_waited_for(self, futex: int) -> str:
        """Return the key that a lock has for which a thread waits in that futex."""
        return f"lock:{self.memory.waited_for(futex):x}"

    def graph(self, *, pid: int, python: str, t: int, not_observed: tuple[str, ...]) -> Graph:
        """Return what was found, without edges to unknown nodes."""
        ended = time.thread_time()
        edges = tuple(edge for edge in self.edges if edge.source in self.nodes and edge.target in self.nodes)
        return Graph(
            pid=pid,
            python=python,
            t=t,
            took_ms=(time.monotonic_ns() - t) / 1e6,
            longest_slice_ms=max(self.longest_slice, ended - self._slice_began) * 1e3,
            nodes=self.nodes,
            edges=edges,
            stacks=tuple(self._lines),
            not_observed=not_observed,
            truncated=self.truncated,
        )


def location(code: CodeType, line: int | None) -> Location:
    """Return the place of a frame."""
    return Location(code.co_filename, line or 0, code.co_qualname)
