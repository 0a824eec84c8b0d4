"""One group of equal samples: which rule it is, in which call, and how sure that is.

The order of the questions is the order of what can be trusted: what the operating system says of the thread (waiting for the
GIL, for a CPU), what the stack shows without doubt (another loop, an import, a logging handler), a known call whose rule fits
the state, the system call, and last the shape of the stack itself.

Grades: `exact` needs a whole stack, the user's own frame, a state from the operating system and a known call (or a system call) that
fits it; where one of these is missing it is `inferred`; where the GIL's part in native code is a guess, or one sample is all there
is, `suspected`. `proved` is for native code that kept the GIL while another thread was seen to ask for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from unjam.diagnosis import calls
from unjam.diagnosis.events import Group, Stall, State
from unjam.diagnosis.module import Instruction
from unjam.diagnosis.source import Sources
from unjam.diagnosis.trail import STILL_SAMPLES, Motion, motion
from unjam.diagnosis.view import Placed, View
from unjam.knowledge import index
from unjam.knowledge.records import Call, Gil
from unjam.knowledge.types import SYNCHRONOUS_DATABASE_METHODS
from unjam.model.findings import Grade

WAITS = ("UJ1", "UJ2")
"""Rules whose time passes in the kernel."""
WORKS = frozenset({"UJ102", "UJ106"})
"""Waiting rules that also compute: reading what is in memory, a query in SQLite."""
ANY_STATE = frozenset({"UJ306", "UJ305", "UJ304", "UJ205"})
"""Rules that hold whether the thread waits or computes."""
GIL_KEPT_INTERVALS = 3
"""A request for the GIL that waits for so many switch intervals meets native code: bytecode gives way after one (ceval_gil.c)."""
BUSY_SHARE = 0.8
IDLE_SHARE = 0.2
"""Shares of CPU time above and below which a thread of unknown state was working or waiting."""
DEFAULT_SWITCH_NS = 5_000_000
"""sys.getswitchinterval() where nobody changed it."""

CONTEXT = frozenset({"__enter__", "__exit__", "__aenter__", "__aexit__"})
"""What a `with` calls."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The rule of a group ("" where it cannot be told), the call in which it happened, its record, and the grade of both.

    `after` says that the stack is known to show what came after it: then none of its lines is to blame.
    """

    rule: str
    leaf: str
    grade: Grade
    record: Call | None = None
    why: str = ""
    after: bool = False


@dataclass(frozen=True, slots=True)
class Clues:
    """All that is known of one group of samples.

    `native` is what the innermost frame was executing, `calling` what the blamed one was; `records` are the known calls below it.
    """

    group: Group
    stall: Stall
    view: View
    state: State
    native: Instruction | None
    native_record: Call | None
    calling: Instruction | None
    records: tuple[Call, ...]
    switch_ns: int
    threshold_ns: int
    callback: str = ""
    motion: Motion | None = None

    @property
    def still(self) -> bool:
        """Whether nothing in the frames changed over several samples: one long native call, if the thread had a CPU."""
        if self.motion is not None:
            return self.motion.still
        return self.group.moved == 0 and self.group.count >= STILL_SAMPLES and self.group.state != "ready"

    @property
    def moving(self) -> bool:
        """Whether frames changed at least every other sample: bytecode, or many short calls."""
        if self.motion is not None:
            return self.motion.moving
        return self.group.moved is not None and self.group.moved * 2 >= self.group.count > 1

    @property
    def ran_bytecode(self) -> bool:
        """Whether a frame that the call had entered was seen to end: `sum` over a generator stands still now and then, and is no native work."""
        return self.motion is not None and self.motion.inside > 0

    @property
    def changed(self) -> bool:
        """Whether a sample showed that bytecode was executed since the one before."""
        return bool(self.motion.changes if self.motion is not None else self.group.moved)

    @property
    def idle(self) -> bool:
        """Whether the thread neither had a CPU nor waited for one for most of the stall: what computes cannot have taken that long."""
        wanted = self.stall.length_ns - (self.stall.runqueue_ns or 0) - self.stall.runqueue_unsure_ns
        return self.stall.cpu_ns is not None and 2 * self.stall.cpu_ns < wanted

    @property
    def unmeasured(self) -> bool:
        """Whether nobody can tell if the thread waited or was given no CPU: neither its state nor its run queue was seen, nor a call that waits."""
        return self.state == "unknown" and self.stall.runqueue_ns is None and self.idle and not _first_wait(self)

    @property
    def late(self) -> bool:
        """Whether the stack is that of the moment in which the GIL was given up, after it had been kept for long.

        Who waited, and ran for less than half of that time, did not keep it: whoever looks came late for want of a CPU.
        """
        unseen = self.group.unseen_ns or 0
        waited = self.state == "kernel" and self.stall.cpu_ns is not None and 2 * self.stall.cpu_ns < unseen
        return unseen > GIL_KEPT_INTERVALS * self.switch_ns and not waited

    @property
    def kept_gil(self) -> bool | None:
        """Whether a request for the GIL was kept waiting longer than bytecode can; None: nobody asked, or it does not tell.

        A holder that gets no CPU cannot give way either: that time is nobody's.
        """
        asked, longest = self.stall.gil_asked_ns, GIL_KEPT_INTERVALS * self.switch_ns
        if asked is None or asked <= longest:
            return None if asked is None else False
        return True if asked - self._most_starved_ns > longest else None

    @property
    def gave_way(self) -> bool:
        """Whether whoever asked for the GIL got it soon, over a time in which native code that keeps it would have refused: it called bytecode.

        It is asked for as a stall passes the threshold: a call that began later was not asked.
        """
        lasted, began = self.group.last - self.group.first, self.group.first - self.stall.start
        refuses = lasted > 2 * GIL_KEPT_INTERVALS * self.switch_ns
        return self.kept_gil is False and self.group.holds_gil is True and refuses and began < self.threshold_ns

    @property
    def gave_gil(self) -> bool:
        """Whether whoever looked had been given the GIL at once, which native code that keeps it does not do, and bytecode at one place of a loop."""
        return self.group.unseen_ns == 0

    @property
    def _most_starved_ns(self) -> int:
        """For how long it may have wanted a CPU and had none; where that was not measured, all that it did not run."""
        if self.stall.runqueue_ns is not None:
            return self.stall.runqueue_ns + self.stall.runqueue_unsure_ns
        return 0 if self.stall.cpu_ns is None else max(0, self.stall.length_ns - self.stall.cpu_ns)

    def name_of(self, record: Call) -> str:
        """A record's name, or the call as it stands in the blamed line where that name is nothing that users know."""
        method = record.name.rpartition(".")[2]
        if self.calling is None or not method.startswith("_"):
            return record.name.removeprefix("builtins.")
        # A `with` enters and leaves its context at one place: which of both it was, the frame says that it called, or what is known of the type.
        below = self.view.below[0].frame.function.rpartition(".")[2] if self.view.below else method
        return f"{self.calling.context}.{below}" if self.calling.context and below in CONTEXT else self.calling.name

    @property
    def callee(self) -> str:
        """The best name for what the blamed line called, known or not: a library's function, a C function, else itself."""
        library = any(each.kind != "user" for each in self.view.below)
        native = self.native is not None and self.native.calls and not self.moving and not library
        return self.native.name.removeprefix("builtins.") if native and self.native else self.worker

    @property
    def worker(self) -> str:
        """The Python function that was at work: the library's that the blamed line called, else the blamed one itself."""
        library = next((each for each in self.view.below if each.kind != "user"), None)
        blamed = self.view.blamed
        return library.name if library else blamed.frame.function if blamed else self.callback


def clues_of(
    group: Group, stall: Stall, view: View, sources: Sources, *, switch_ns: int, threshold_ns: int, callback: str = ""
) -> Clues:
    """Gather what stack, source and knowledge say of a group."""
    reach = len(view.frames) if view.importing is None else view.importing
    innermost = view.frames[reach - 1] if reach else None
    native = sources.instruction(innermost.frame) if innermost else None
    called = (native.name if native.resolved else "") if native else (callback if innermost is None else "")
    # The loop's own select is a call that waits, but what was due ends it: that it was seen there tells no wait.
    native_record = _native_record(called, native.context if native else "") if called and not view.parked else None
    records = () if view.parked else tuple(record for each in view.below if (record := record_of(each)))
    return Clues(
        group=group,
        stall=stall,
        view=view,
        state=_state(group, stall, (*records, *filter(None, [native_record]))),
        native=native,
        native_record=native_record,
        calling=sources.instruction(view.blamed.frame) if view.blamed else None,
        records=records,
        switch_ns=switch_ns or DEFAULT_SWITCH_NS,
        threshold_ns=threshold_ns,
        callback=callback,
        motion=motion(stall.trail, group.stack, view.frames[-1].depth + 1 if view.frames else 0),
    )


def _native_record(called: str, context: str) -> Call | None:
    """The record of a call in C; where entering a context is none, that of leaving it, which lies at the same place."""
    record = index.by_name(called)
    return index.by_name(f"{context}.__exit__") if record is None and context else record


def record_of(placed: Placed) -> Call | None:
    """The record of a frame's function; None for the user's own, and for those that suspend."""
    suspends = placed.frame.kind in {"coroutine", "async-generator"}
    return None if placed.kind == "user" or suspends else index.by_frame(placed.module, placed.frame.function)


def _state(group: Group, stall: Stall, records: tuple[Call, ...]) -> State:
    """The state as sampled; where it was not, as the thread's CPU clock tells over the whole stall.

    Who did not run may have been given no CPU: where that was not measured, only a known call that waits tells a wait.
    """
    if group.state != "unknown" or stall.cpu_ns is None:
        return group.state
    share = stall.cpu_ns / stall.length_ns
    waited = stall.runqueue_ns is not None or any(record.rule.startswith(WAITS) for record in records)
    return "cpu" if share >= BUSY_SHARE else "kernel" if share <= IDLE_SHARE and waited else "unknown"


_FREEING = Call("freeing", "UJ303", Gil.KEEPS, remedy="free-in-pieces")
_IDLE = Judgement("", "", Grade.UNKNOWN, why="it computed for a part of that time only, and the rest could not be seen")
_UNMEASURED = Judgement(
    "",
    "",
    Grade.UNKNOWN,
    why="it had a CPU for a part of that time only, and whether it waited or was given none was not measured",
    after=True,
)


def judge(clues: Clues) -> Judgement:
    """The rule of one group of the loop's own doing; waits for the GIL and for a CPU are somebody else's and not asked here."""
    if clues.view.starting_thread:
        return Judgement("", "", Grade.UNKNOWN, why="it waited for a new thread to start, which got no CPU or no GIL")
    if clues.view.forking:
        return Judgement(
            "", "", Grade.UNKNOWN, why="unjam waited for its own threads to rest for a fork, and they got no CPU"
        )
    if clues.unmeasured:
        return _UNMEASURED
    if clues.view.parked:
        return Judgement("", "", Grade.UNKNOWN, why="the loop was in its own select")
    by_state = {"kernel": _judge_wait, "cpu": _judge_work, "ready": _judge_work}
    if clues.late:
        return _judge_shape(clues) or _judge_late(clues)
    return _judge_shape(clues) or by_state.get(clues.state, _judge_blind)(clues)


def _judge_shape(clues: Clues) -> Judgement | None:
    """What the stack shows by its shape alone: another loop, an import, a logging handler of the user's."""
    view = clues.view
    if view.nested is not None:
        return _judge_nested(clues, view.nested)
    if view.importing is not None:
        return Judgement("UJ305", _imported(view, clues), _sure(clues, Grade.EXACT))
    if view.in_handler:
        known = _first(clues, clues.state)
        return Judgement("UJ306", clues.name_of(known) if known else clues.callee, _sure(clues, Grade.EXACT), known)
    return None


def _sure(clues: Clues, grade: Grade) -> Grade:
    """That grade, or less where the stack or the operating system said less than all."""
    if not clues.view.whole:
        return min(grade, Grade.SUSPECTED)
    weak = clues.group.state == "unknown" or clues.view.culprit is None
    return min(grade, Grade.INFERRED) if weak else grade


def _judge_nested(clues: Clues, runner: int) -> Judgement:
    frames = clues.view.frames
    record = next((found for each in frames[runner:] if (found := record_of(each))), None)
    return Judgement("UJ205", record.name if record else "run_until_complete", _sure(clues, Grade.EXACT), record)


def _imported(view: View, clues: Clues) -> str:
    """`import name`: as the statement says, else by the first module body that runs below it."""
    if clues.native is not None and clues.native.name.startswith("import "):
        return clues.native.name
    body = next((each for each in view.frames[view.importing :] if each.frame.kind == "module"), None)
    return f"import {body.module}" if body else "import"


def fits(record: Call, state: State) -> bool:
    """Whether a call of that rule can show in that state."""
    if record.rule in ANY_STATE or state == "unknown":
        return True
    waits = record.rule.startswith(WAITS)
    return waits if state == "kernel" else (not waits or record.rule in WORKS)


def _first(clues: Clues, state: State) -> Call | None:
    """The outermost known call below the blamed line that fits the state: what the user called, not what that called."""
    known = (*clues.records, *([clues.native_record] if clues.native_record else []))
    return next((record for record in known if fits(record, state)), None)


def _first_wait(clues: Clues) -> Call | None:
    """The outermost known call below the blamed line that waits."""
    known = (*clues.records, *([clues.native_record] if clues.native_record else []))
    return next((record for record in known if record.rule.startswith(WAITS)), None)


def _judge_wait(clues: Clues) -> Judgement:
    record = _first(clues, "kernel")
    by_kernel = calls.rule_of(clues.group)
    if record is not None and not (record.rule == "UJ102" and calls.is_stream(clues.group)):
        return Judgement(record.rule, clues.name_of(record), _sure(clues, Grade.EXACT), record)
    leaf = clues.name_of(record) if record else _unread_sleep(clues) or clues.callee
    if _is_database_method(clues.native) and by_kernel in {"UJ102", "UJ103", "UJ106", "UJ101", ""}:
        return Judgement("UJ106", leaf, _sure(clues, Grade.INFERRED))
    if by_kernel and not (by_kernel == "UJ201" and _awaits_native(clues.native)):
        return Judgement(by_kernel, leaf, _sure(clues, Grade.INFERRED), record)
    return Judgement(
        "", leaf, Grade.UNKNOWN, why=f"it waited in {clues.group.system_call or 'the kernel'}, which tells no cause"
    )


def _awaits_native(native: Instruction | None) -> bool:
    """Whether the innermost frame awaits what has no frame, a coroutine in C: no code of Python's takes a lock there.

    It may wait for threads of its own to begin, as the pool of uvloop does (libuv, src/threadpool.c), or for anything else.
    """
    return native is not None and native.awaits and not native.calls


def _unread_sleep(clues: Clues) -> str:
    """A sleep in code that was made while the program ran: no source names it, the kernel does."""
    generated = bool(clues.view.frames) and clues.view.frames[-1].frame.file.startswith("<")
    return "time.sleep" if generated and clues.native is None and calls.rule_of(clues.group) == "UJ101" else ""


def _is_database_method(native: Instruction | None) -> bool:
    return native is not None and not native.resolved and native.name.rpartition(".")[2] in SYNCHRONOUS_DATABASE_METHODS


def _judge_work(clues: Clues) -> Judgement:
    # A thread that was woken up and waits for a CPU is still in the call that it waited in.
    record = _first(clues, "cpu") or (_first(clues, "kernel") if clues.state == "ready" else None)
    if record is not None and (record.rule in WORKS | ANY_STATE or record.rule.startswith(WAITS)):
        return Judgement(record.rule, clues.name_of(record), _sure(clues, Grade.EXACT), record)
    if record is None and _is_database_method(clues.native) and clues.group.holds_gil is not True:
        return Judgement("UJ106", clues.callee, _sure(clues, Grade.INFERRED))
    named = record or next(iter(clues.records), None)
    if clues.state == "ready" and clues.idle:
        return _IDLE
    if record is None and clues.native is not None and clues.native.frees and not clues.moving:
        return Judgement("UJ303", f"freeing what {clues.native.text} held", _sure(clues, Grade.INFERRED), _FREEING)
    rule, grade = _cpu_rule(clues, record)
    leaf = clues.name_of(named) if named else clues.worker if rule == "UJ301" else clues.callee
    return Judgement(rule, leaf, _sure(clues, grade), record)


def _cpu_rule(clues: Clues, record: Call | None) -> tuple[str, Grade]:
    """UJ301, UJ302 or UJ303: bytecode, native code without the GIL, native code with it."""
    native = clues.still or (record is not None and record.rule != "UJ301" and not clues.moving)
    if clues.group.holds_gil is False and native and not (record is not None and record.gil is Gil.KEEPS):
        # What is known to keep it may be seen without it just after its end.
        return "UJ302", Grade.EXACT
    if clues.kept_gil and (clues.still or not clues.changed):
        return "UJ303", Grade.PROVED
    if clues.ran_bytecode or (clues.kept_gil is False and clues.moving):
        return "UJ301", Grade.EXACT
    if record is not None and not (record.rule == "UJ303" and (clues.moving or clues.gave_way)):
        return record.rule, Grade.EXACT if record.gil is not Gil.UNKNOWN else Grade.SUSPECTED
    looks_native = native and clues.native is not None and clues.kept_gil is not False
    if looks_native and not clues.gave_gil:
        return "UJ303", Grade.INFERRED if clues.group.holds_gil else Grade.SUSPECTED
    return "UJ301", Grade.EXACT if clues.changed else Grade.SUSPECTED if looks_native else Grade.INFERRED


def _judge_late(clues: Clues) -> Judgement:
    """Native code kept the GIL, and the stack shows where it was given up: at the end of that code's call, or in a later one that waits.

    The interpreter gives it up at the end of a call, but not of an operator (ceval.c, CHECK_EVAL_BREAKER). So a call known to keep it
    is the one, a call known to release it is not, and of others it is likely but not certain.
    """
    known = (*clues.records, *([clues.native_record] if clues.native_record else []))
    keeper = next((record for record in known if record.gil is Gil.KEEPS), None)
    if keeper is not None:
        return Judgement("UJ303", clues.name_of(keeper), _sure(clues, Grade.INFERRED), keeper)
    if clues.stall.runqueue_ns is None:
        why = "whether native code kept the GIL, or whoever looked got no CPU, was not measured"
        return Judgement("", "", Grade.UNKNOWN, why=why, after=True)
    if clues.native is None or not clues.native.calls or any(record.gil is Gil.RELEASES for record in known):
        why = "native code kept the GIL, and had ended when the stack could be seen"
        return Judgement("", "", Grade.UNKNOWN, why=why, after=True)
    return Judgement("UJ303", clues.callee, Grade.SUSPECTED)


def _judge_blind(clues: Clues) -> Judgement:
    """Nothing is known of the thread's state (the Python twin without /proc): the stack and the GIL's clock must do."""
    record = _first(clues, "unknown")
    if clues.kept_gil and (record is None or not record.rule.startswith(WAITS)):
        leaf = clues.name_of(record) if record else clues.callee
        return Judgement("UJ303", leaf, _sure(clues, Grade.INFERRED), record)
    if record is not None and record.rule.startswith("UJ30") and clues.idle:
        return _IDLE
    runs_bytecode = clues.ran_bytecode or clues.moving
    if record is not None and not (record.rule == "UJ303" and runs_bytecode):
        return Judgement(record.rule, clues.name_of(record), _sure(clues, Grade.INFERRED), record)
    if runs_bytecode:
        return Judgement("UJ301", clues.worker, _sure(clues, Grade.INFERRED))
    return Judgement("", clues.callee, Grade.UNKNOWN, why="the state of the thread could not be observed")
