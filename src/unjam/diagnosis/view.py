"""A stack as diagnosis sees it: from where the loop entered the program, with whose code each frame is, and who is to blame."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import dropwhile, pairwise

from unjam.diagnosis.source import Sources
from unjam.model.findings import Link, Location, OriginKind
from unjam.model.origins import Origins
from unjam.model.stacks import Frame, Stack

RUNNERS = frozenset(
    {
        *("asyncio.runners:run", "asyncio.runners:Runner.run"),
        # At its end `asyncio.run` runs the loop twice more, which is no other loop within it.
        *("asyncio.runners:Runner.__exit__", "asyncio.runners:Runner.close", "asyncio.runners:_cancel_all_tasks"),
        *(f"asyncio.base_events:BaseEventLoop.{name}" for name in ("run_until_complete", "run_forever", "_run_once")),
        *(
            "asyncio.unix_events:_UnixSelectorEventLoop.run_forever",
            "asyncio.windows_events:ProactorEventLoop.run_forever",
        ),
        *(f"nest_asyncio:_patch_loop.<locals>.{name}" for name in ("run_until_complete", "run_forever", "_run_once")),
        *("nest_asyncio:_patch_asyncio.<locals>.run", "nest_asyncio:_patch_loop.<locals>.manage_run"),
        *("uvloop:run", "uvloop._run:run", "anyio._core._eventloop:run", "anyio._backends._asyncio:AsyncIOBackend.run"),
        *("asyncio.events:Handle._run", "asyncio.events:TimerHandle._run"),
    }
)
"""Frames of whatever runs an event loop: what lies above the last of them is a step of that loop."""
RUN_METHODS = frozenset({"run_until_complete", "run_forever"})
"""How user code starts a loop whose own code has no Python frames (uvloop)."""
_SELECTORS = "selectors"
_IMPORT_MODULES = frozenset({"importlib._bootstrap", "importlib._bootstrap_external"})
_HANDLERS = frozenset({"Handler.handle", "Logger.callHandlers", "QueueListener.handle"})
_COMPREHENSION = re.compile(r"(\.<locals>\.<(?:genexpr|listcomp|setcomp|dictcomp)>)+$")
_TEMPLATE_CODE = re.compile(r"(root|block_\w+)(\.|$)")
"""Functions of what Jinja compiles a template to, which has the template's file name, but lines of its own (jinja2.compiler)."""
_THREAD_STARTERS = frozenset(
    (
        "threading",
        "concurrent.futures.thread",
        "anyio._backends._asyncio",
        "asgiref.sync",
        "multiprocessing.pool",
        "contextvars",
    )
)
"""Modules of the frames that start a thread and take its work from a pool."""
_FORK_HOOKS = frozenset({"_before_fork", "_after_fork_in_parent"})
"""Our own functions, of monitor.py, in which the threads of the watch are held and let go again around a fork."""
_SUSPENDABLE = frozenset({"coroutine", "async-generator"})
_TASK_MAKERS = frozenset({"asyncio.tasks", "asyncio.base_events"})
"""Modules of the frames that make a task: one that has an eager task run its first step has called its coroutine (Python 3.12 and later)."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One frame, whose code it is, the dotted module of its file, and its number in the recorded stack, from the outside."""

    frame: Frame
    kind: OriginKind
    module: str
    depth: int

    @property
    def key(self) -> str:
        """`module:function`, as records name places."""
        return f"{self.module}:{self.frame.function}"

    @property
    def name(self) -> str:
        """`module.function`, for people."""
        return f"{self.module}.{self.frame.function}"

    @property
    def location(self) -> Location:
        """Where it is in source."""
        return Location(self.frame.file, self.frame.line, self.frame.function)

    @property
    def link(self) -> Link:
        """It as a link of a chain."""
        return Link(self.frame.file, self.frame.line, self.frame.function, self.kind)


@dataclass(frozen=True, slots=True)
class View:
    """The frames of one step, outermost first, and what was found in them.

    `culprit` is the index of the user's own frame to blame: the innermost one, for an import the importing one; None where the
    step has none. `importing` is the index of the first frame of the import system. `nested` is the index of the first frame that
    runs another loop inside the step. `parked` says that nothing lies above the loop but its own select, `starting_thread` that it waits
    for a new thread to run, `forking` that unjam itself is at work around a fork.
    """

    frames: tuple[Placed, ...]
    culprit: int | None = None
    importing: int | None = None
    nested: int | None = None
    parked: bool = False
    whole: bool = True
    in_handler: bool = False
    starting_thread: bool = False
    forking: bool = False

    @property
    def blamed(self) -> Placed | None:
        """The frame to blame."""
        return None if self.culprit is None else self.frames[self.culprit]

    @property
    def below(self) -> tuple[Placed, ...]:
        """The frames that the blamed one called, or all where none is to blame."""
        return self.frames if self.culprit is None else self.frames[self.culprit + 1 :]

    @property
    def eager(self) -> Placed | None:
        """The coroutine of the innermost eager task that asyncio began inside of this step and leads to the blamed frame; None where none did."""
        return next(
            (inner for outer, inner in reversed(list(pairwise(self._led))) if _begins_eagerly(outer, inner)), None
        )

    @property
    def coroutines(self) -> frozenset[str]:
        """The names of the coroutines that lead to the blamed frame."""
        return frozenset(each.frame.function for each in self._led if each.frame.kind == "coroutine")

    @property
    def _led(self) -> tuple[Placed, ...]:
        return self.frames[: len(self.frames) - len(self.below)] or self.frames

    @property
    def user(self) -> tuple[Placed, ...]:
        """The user's own frames down to the blamed one."""
        return tuple(each for each in self.frames[: (self.culprit or 0) + 1] if each.kind == "user")


def _begins_eagerly(outer: Placed, inner: Placed) -> bool:
    return inner.frame.kind == "coroutine" and outer.frame.kind == "function" and outer.module in _TASK_MAKERS


EMPTY = View((), whole=False)


class Views:
    """The views of one process's stacks, each made at most once."""

    def __init__(
        self, stacks: Mapping[int, Stack], partial: frozenset[int], origins: Origins, sources: Sources
    ) -> None:
        self._stacks = stacks
        self._partial = partial
        self._origins = origins
        self._sources = sources
        self._steps: dict[int | None, View] = {}
        self._threads: dict[int | None, View] = {}

    def step(self, stack: int | None) -> View:
        """The step that a loop's thread was in."""
        if stack not in self._steps:
            frames = self._placed(stack)
            whole = bool(frames) and stack not in self._partial
            view = step_view(frames, whole=whole, sources=self._sources) if frames else EMPTY
            self._steps[stack] = replace(view, culprit=None, forking=True) if self._is_forking(stack) else view
        return self._steps[stack]

    def thread(self, stack: int | None) -> View:
        """The whole stack of a thread that runs no loop."""
        if stack not in self._threads:
            frames = _without_start(self._placed(stack))
            self._threads[stack] = _blamed(frames, whole=bool(frames) and stack not in self._partial)
        return self._threads[stack]

    def _is_forking(self, stack: int | None) -> bool:
        frames = self._stacks.get(stack, ()) if stack is not None else ()
        hooks = (each for each in frames if each.function in _FORK_HOOKS)
        return any(self._origins.owner(each.file, each.function) == "unjam" for each in hooks)

    def _placed(self, stack: int | None) -> tuple[Placed, ...]:
        frames = self._stacks.get(stack, ()) if stack is not None else ()
        return tuple(placed for depth, frame in enumerate(frames) if (placed := self._place(frame, depth)))

    def _place(self, frame: Frame, depth: int) -> Placed | None:
        owner = self._origins.owner(frame.file, frame.function)
        if owner == "unjam":
            return None
        # Comprehensions had frames of their own up to Python 3.11, generator expressions have them still: they are their function's code.
        function = _COMPREHENSION.sub("", frame.function)
        named = frame if function == frame.function else replace(frame, function=function)
        if owner == "user" and _TEMPLATE_CODE.match(function) and not frame.file.endswith(".py"):
            named = replace(named, line=0, column=-1, end_line=0, end_column=-1)
        return Placed(named, owner, self._origins.module(frame.file), depth)


def _without_start(frames: tuple[Placed, ...]) -> tuple[Placed, ...]:
    """A thread's frames without those that started it and took its work from a pool."""
    return tuple(dropwhile(lambda each: each.module in _THREAD_STARTERS, frames))


def step_view(frames: tuple[Placed, ...], *, whole: bool, sources: Sources) -> View:
    """What lies above the innermost running loop of the stack."""
    ends = _loop_frames(frames) or _starting_frames(frames, sources)
    if not ends:
        # No frame of any loop: where the program ends and the step begins is known only if the step is a coroutine.
        first = next((index for index, each in enumerate(frames) if each.frame.kind in _SUSPENDABLE), None)
        return _blamed(frames[first:], whole=whole) if first is not None else View(frames, whole=False)
    step = frames[ends[-1] + 1 :]
    if any(each.module != _SELECTORS for each in step):
        # A walk that reached the loop's own frames saw the whole step, wherever it ended further out.
        return _blamed(step, whole=True)
    if len(ends) > 1:
        return _nested(frames[ends[-2] + 1 :], whole=whole)
    # Nothing at all above the loop is a callback without Python frames (a C function), not the loop's select.
    return View(step, parked=bool(step))


def _loop_frames(frames: tuple[Placed, ...]) -> list[int]:
    """For each loop that runs on the stack, the index of its last own frame."""
    runs = [each.key in RUNNERS for each in frames]
    return [index for index, run in enumerate(runs) if run and not any(runs[index + 1 : index + 2])]


def _starting_frames(frames: tuple[Placed, ...], sources: Sources) -> list[int]:
    """The same for loops without Python frames (uvloop): the user's own frames that start them."""
    return [index for index, each in enumerate(frames) if each.kind == "user" and _starts_loop(each, sources)]


def _starts_loop(placed: Placed, sources: Sources) -> bool:
    instruction = sources.instruction(placed.frame)
    return instruction is not None and instruction.name.rpartition(".")[2] in RUN_METHODS


def _nested(frames: tuple[Placed, ...], *, whole: bool) -> View:
    runner = next((index for index, each in enumerate(frames) if each.key in RUNNERS), len(frames))
    user = [index for index, each in enumerate(frames[:runner]) if each.kind == "user"]
    return View(frames, culprit=user[-1] if user else None, nested=runner, whole=whole)


def _has_not_begun(frame: Frame) -> bool:
    """Whether a function is at its very entry (RESUME, an instruction without width at the line of its `def`): then what calls it is at work."""
    return (frame.column, frame.end_column) == (0, 0) and frame.line == frame.end_line


def _blamed(frames: tuple[Placed, ...], *, whole: bool) -> View:
    importing = next((index for index, each in enumerate(frames) if each.module in _IMPORT_MODULES), None)
    reach = len(frames) if importing is None else importing
    user = [index for index in range(reach) if frames[index].kind == "user"]
    culprit = user[-1] if user else None
    if len(user) > 1 and user[-2] == user[-1] - 1 and _has_not_begun(frames[user[-1]].frame):
        culprit = user[-2]
    below = frames if culprit is None else frames[culprit + 1 :]
    if any(each.key == "threading:Thread.start" for each in below):
        # A new thread's first breath is waited for: how long that takes is up to the system, not to the line that starts it.
        return View(frames, importing=importing, whole=whole, starting_thread=True)
    handler = any(each.module == "logging" and each.frame.function in _HANDLERS for each in frames[: culprit or 0])
    return View(frames, culprit=culprit, importing=importing, whole=whole, in_handler=handler)
