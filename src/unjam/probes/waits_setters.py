"""Who could set an event, end a future or take from a queue: tasks, threads and signal handlers that can reach it by name."""

from __future__ import annotations

import signal
import sys
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from unjam.model.findings import Grade
from unjam.model.waits import GET
from unjam.probes.waits_names import reachable
from unjam.probes.waits_read import read
from unjam.probes.waits_scene import Claim, Scene, location
from unjam.probes.waits_table import module_of
from unjam.probes.waits_tasks import TaskSeen, await_chain
from unjam.probes.waits_threads import Seen, each_stack, without_ours

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from unjam.model.waits import Node

MOST_FRAMES: Final = 3_000
"""Frames searched; with more of them nothing is concluded from a reference that was not found."""
DEEP: Final = 40
"""Innermost frames searched of one stack."""
ENDING: Final = frozenset({"set", "set_result", "set_exception", "notify", "notify_all", "release", "task_done", "put"})
"""Methods that end somebody's wait: a frame whose code names one of them is a likely setter of what it can reach."""


_LOOP_RUNNERS: Final = frozenset(
    {("asyncio.base_events", "BaseEventLoop.run_forever"), ("asyncio.runners", "Runner.run")}
)
"""Below them a thread's frames do nothing until the loop has ended."""


def look_for_setters(scene: Scene, threads: list[Seen], tasks: list[TaskSeen]) -> None:
    """For every wanted event, queue and orphan future of the scene find who can reach it, and say so at its node.

    `facts["users"]` counts those that do not wait for it themselves; it is missing where the search had to be cut short.
    """
    if not scene.wanted:
        return
    users: dict[str, list[Claim]] = {key: [] for key in scene.wanted.values()}
    searched = 0
    for owner, label, frame in frames_of(scene, threads, tasks):
        searched += 1  # noqa: SIM113 -- enumerate would keep the frame over a pause
        if searched > MOST_FRAMES:
            scene.unseen.append(f"who else could end a wait: there are more than {MOST_FRAMES:,} frames to search")
            return
        _note(scene, users, owner, label, frame)
        del frame
    _note_signal_handlers(scene, users)
    waits = {(edge.source, edge.target): edge.verb for edge in scene.edges}
    for key, claims in users.items():
        node = scene.nodes[key]
        others = {claim.key: claim for claim in claims if _may_end(node, waits.get((claim.key, key)))}
        scene.know(key, users=len(others))
        likely = _known(scene, key) or any(claim.grade > Grade.SUSPECTED for claim in others.values())
        for claim in others.values() if node.kind != "event" or likely else ():
            scene.edge(key, claim._replace(grade=Grade.INFERRED))


def _may_end(node: Node, verb: str | None) -> bool:
    """Say whether somebody who can reach the object could end the waits on it, being in that wait himself."""
    return verb is None or (node.kind == "queue" and verb == GET and bool(node.facts["size"]))


def _known(scene: Scene, key: str) -> bool:
    return any(edge.source == key for edge in scene.edges)


def frames_of(
    scene: Scene, threads: list[Seen], tasks: list[TaskSeen], *, every: bool = False
) -> Iterator[tuple[str, str, FrameType]]:
    """Yield the frames of the program's own code, with key and label of who runs it; `every` adds the standard library's.

    Below the round of a loop a thread's frames do nothing until the loop has ended: they are left out.
    """
    for task in tasks:
        if not task.running:
            for frame in await_chain(read(task.task, "_coro")).frames[-DEEP:]:
                if every or not _is_stdlib(frame):
                    yield task.key, task.label, frame
        scene.pause()
    by_ident = {seen.ident: seen for seen in threads}
    for ident, stack in each_stack(scene):
        seen = by_ident.get(ident)
        for frame in without_ours(stack)[:DEEP] if seen is not None else ():
            if (module_of(frame), frame.f_code.co_qualname) in _LOOP_RUNNERS:
                break
            if seen is not None and (every or not _is_stdlib(frame)):
                yield seen.key, seen.label, frame
            del frame
        del stack


def _is_stdlib(frame: FrameType) -> bool:
    return module_of(frame).partition(".")[0] in sys.stdlib_module_names


def _note(scene: Scene, users: dict[str, list[Claim]], owner: str, label: str, frame: FrameType) -> None:
    code = frame.f_code
    ends = not ENDING.isdisjoint(code.co_names)
    for path, value in reachable(frame):
        key = scene.wanted.get(id(value))
        if key is None:
            continue
        scene.rename(key, id(value), path)
        grade = Grade.INFERRED if ends else Grade.SUSPECTED
        why = f"{label} can reach it as `{path}`"
        users[key].append(Claim(owner, "can be reached by", grade, why, location(code, frame.f_lineno)))


def _note_signal_handlers(scene: Scene, users: dict[str, list[Claim]]) -> None:
    """Add Python's own signal handlers: they run even while the main thread waits for a lock."""
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        function = handler.__func__ if type(handler) is MethodType else handler
        if type(function) is not FunctionType:
            continue
        for value in _values(function, handler):
            key = scene.wanted.get(id(value))
            if key is not None:
                name = scene.add(f"signal:{number}", "signal", f"the handler of signal {number}")
                users[key].append(Claim(name, "can be reached by", Grade.INFERRED, "a Python signal handler"))


def _values(function: FunctionType, handler: Any) -> list[Any]:
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    names = [function.__globals__.get(name) for name in function.__code__.co_names]
    owner = handler.__self__ if type(handler) is MethodType else None
    fields = [read(owner, name) for name in function.__code__.co_names] if owner is not None else []
    return cells + names + fields
