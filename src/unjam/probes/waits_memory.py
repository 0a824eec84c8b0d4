"""Which locks a frame holds and which one a thread waits for, read from the process's own memory and from the kernel.

A `with` block keeps the bound `__exit__` of its manager on the value stack of the frame. The exception table says which
blocks enclose an instruction and at which depth each keeps it, so the holder of a lock is known without source and without
bookkeeping. A thread that waits for a lock sits in futex(2) on the address of that lock's semaphore.

    PyFrameObject +24 -> _PyInterpreterFrame +72 -> locals, cells, free variables | value stack
                                                                          slot depth-1: bound method of __exit__
    bound method (C or Python) -> self -> _thread.lock, _thread.RLock (+16 -> semaphore), Condition, asyncio.Lock ...

From CPython 3.14 on the value stack has tagged references, and `__exit__` lies there as a function with its `self` above it
(or bound, with nothing above it). A lock is a byte, and who waits for it sleeps on a semaphore of its own, in an entry on its
stack that says for which address:

    PyFrameObject +24 -> _PyInterpreterFrame +80 -> locals, cells, free variables | value stack
                                                                          slots depth-2, depth-1: __exit__, self
    _thread.lock, _thread.RLock +16: PyMutex, bit 0: taken
    wait_entry: park_arg, +8 address of the PyMutex, +16 semaphore (the futex)

Layouts: CPython 3.11 to 3.15, Include/internal/pycore_frame.h, pycore_interpframe_structs.h, pycore_lock.h,
Modules/_threadmodule.c, Python/parking_lot.c. Others are refused by the self-check.
Reads go through process_vm_readv(2) or /proc/self/mem: a wrong address is an error, never a crash.
"""

from __future__ import annotations

import _thread
import os
import struct
import sys
from functools import lru_cache
from types import (
    BuiltinMethodType,
    CodeType,
    FrameType,
    FunctionType,
    MappingProxyType,
    MethodDescriptorType,
    MethodType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

FRAME_TO_INTERPRETER: Final = 24
TAGGED: Final = sys.version_info >= (3, 14)
"""Whether the value stack has tagged references, and a lock is a PyMutex."""
TAG_BITS: Final = 3
INTERPRETER_TO_LOCALS: Final = 80 if TAGGED else 72
LOCK_STATE: Final = 16
"""Where a lock has its state: the pointer to its semaphore, or its PyMutex."""
RLOCK_OWNER: Final = 24
SEMAPHORE_TO_PARKED: Final = -8
"""In the entry of a waiter: from its semaphore to the address for which it waits."""
SUPPORTED: Final = ((3, 11), (3, 12), (3, 13), (3, 14), (3, 15))
END: Final = 1 << 64
"""Of all addresses."""
UNBOUND: Final = tuple(id(kind) for kind in (FunctionType, MethodDescriptorType, WrapperDescriptorType))

NOTHING: Final[Mapping[int, Any]] = MappingProxyType({})

LOCK_TYPE: Final = _thread.LockType
RLOCK_TYPE: Final = _thread.RLock


class Held(NamedTuple):
    """The manager of one `with` block around a frame's instruction: its address, its type's, the line of the `with`."""

    address: int
    type_address: int
    line: int


class Memory:
    """Reads words of our own memory; `reason` says why it cannot, "" where it can."""

    def __init__(self, core: Any = None) -> None:
        self._fd = -1
        self._core: Any = core if core is not None else sys.modules.get("unjam.native._core")
        """Where it is loaded, it reads without giving up the GIL."""
        self._blocks: dict[tuple[int, int], tuple[CodeType, list[tuple[int, int]], int]] = {}
        self._embedded: dict[int, int] = {}
        """By address of a type: how far inside its objects their frame lies."""
        self.reason = self._self_check()

    def _self_check(self) -> str:
        """Try every layout on objects made here."""
        if sys.version_info[:2] not in SUPPORTED or sys.implementation.name != "cpython":
            return f"the memory layout of {sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]} is not known"
        if struct.calcsize("P") != 8 or sys.byteorder != "little":  # noqa: PLR2004
            return "the memory layout of this machine is not known"
        try:
            self._fd = -1 if self._core else os.open("/proc/self/mem", os.O_RDONLY | os.O_CLOEXEC)
            return "" if self._lock_check() and self._frame_check() else "the memory layout differs from the known one"
        except OSError as error:
            return f"/proc/self/mem: {error.strerror}"

    def _lock_check(self) -> bool:
        lock, rlock = _thread.allocate_lock(), RLOCK_TYPE()
        with rlock:
            before = self.locked(self.state(id(lock)))
            with lock:
                during = self.locked(self.state(id(lock)))
            owner = self.word(id(rlock) + RLOCK_OWNER)
        return (before, during, owner) == (False, True, _thread.get_ident())

    def _frame_check(self) -> bool:
        lock = _thread.allocate_lock()
        with lock:
            frame = sys._getframe()
            held = self.held(frame, frame.f_lasti)
        return [(entry.address, entry.type_address) for entry in held] == [(id(lock), id(LOCK_TYPE))]

    def forget(self) -> None:
        """Let go of the code objects of the last collection."""
        self._blocks.clear()

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self.reason = "closed"

    def words(self, address: int, count: int) -> tuple[int, ...]:
        """Return `count` 8-byte words, or an empty tuple where that memory cannot be read."""
        if self._core:
            return self._words_by_core(address, count)
        try:
            data = os.pread(self._fd, 8 * count, address)
        except (OSError, OverflowError, ValueError):
            return ()
        return struct.unpack(f"<{count}Q", data) if len(data) == 8 * count else ()

    def _words_by_core(self, address: int, count: int) -> tuple[int, ...]:
        found: tuple[int, ...] = self._core.read_words(address, count) if 0 <= address < END else ()
        return found

    def word(self, address: int) -> int:
        """Return one 8-byte word, 0 where it cannot be read."""
        found = self.words(address, 1)
        return found[0] if found else 0

    def state(self, lock: int) -> int:
        """Return where the `_thread.lock` or `_thread.RLock` at that address has its state: what `waited_for` gives as well."""
        return lock + LOCK_STATE if TAGGED else self.word(lock + LOCK_STATE)

    def waited_for(self, futex: int) -> int:
        """Return the state of the lock for which a thread waits that sits in that futex; anything where that is no lock's."""
        return self.word(futex + SEMAPHORE_TO_PARKED) if TAGGED else futex

    def locked(self, state: int) -> bool | None:
        """Say whether the lock with that state is taken; None where it cannot be read (PyMutex, or glibc's new_sem: value, waiters)."""
        found = self.words(state, 1)
        if not found:
            return None
        return bool(found[0] & 1) if TAGGED else (found[0] & 0xFFFFFFFF) == 0

    def held(
        self, frame: FrameType, lasti: int, coroutine: Any = None, exits: Mapping[int, Any] = NOTHING
    ) -> list[Held]:
        """Return the managers of the `with` blocks around instruction `lasti`, innermost first.

        `coroutine` is the one whose frame it is, if it is suspended; `exits` gives managers by the addresses of their bound
        exits. Both only save reading.
        """
        code = frame.f_code
        found_before = self._blocks.get((id(code), lasti))
        if found_before is None:
            withs = enclosing_withs(code, lasti)
            found_before = self._blocks[id(code), lasti] = code, withs, local_slots(code) if withs else 0
        _, withs, plain = found_before
        if not withs:
            return []
        slots = self.words(self._inner_frame(frame, coroutine) + INTERPRETER_TO_LOCALS + 8 * plain, code.co_stacksize)
        if TAGGED:
            found = [self._manager_below(slots[:depth], line) for depth, line in withs if 2 <= depth <= len(slots)]  # noqa: PLR2004
        else:
            found = [self._manager(slots[depth - 1], line, exits) for depth, line in withs if 0 < depth <= len(slots)]
        return [held for held in found if held is not None]

    def _inner_frame(self, frame: FrameType, coroutine: Any) -> int:
        """Return the address of what a frame object stands for; it lies inside a suspended coroutine, always at one place."""
        kind = id(type(coroutine))
        offset = self._embedded.get(kind)
        if offset is not None:
            return id(coroutine) + offset
        found = self.word(id(frame) + FRAME_TO_INTERPRETER)
        if coroutine is not None and 0 < found - id(coroutine) < coroutine.__sizeof__():
            self._embedded[kind] = found - id(coroutine)
        return found

    def _manager_below(self, slots: tuple[int, ...], line: int) -> Held | None:
        """Of an unbound `__exit__` with its self above it, or of a bound one with nothing."""
        function, manager = (slot & ~TAG_BITS for slot in slots[-2:])
        if not manager:
            return self._manager(function, line, NOTHING)
        if self.word(function + 8) not in UNBOUND:
            return None
        return Held(manager, self.word(manager + 8), line)

    def _manager(self, slot: int, line: int, exits: Mapping[int, Any]) -> Held | None:
        owner = exits.get(slot, NOTHING)
        if owner is not NOTHING:
            return Held(id(owner), id(type(owner)), line)
        head = self.words(slot, 4)
        if not head or (head[1] != id(BuiltinMethodType) and head[1] != id(MethodType)):
            return None
        return Held(head[3], self.word(head[3] + 8), line)


def local_slots(code: CodeType) -> int:
    """Return how many local, cell and free variables precede the value stack (an argument that is a cell counts once)."""
    arguments = set(code.co_varnames)
    return len(code.co_varnames) + sum(name not in arguments for name in code.co_cellvars) + len(code.co_freevars)


@lru_cache(maxsize=512)
def _parsed(table: bytes) -> tuple[tuple[int, int, int, int], ...]:
    """Return (start, end, handler, depth) in bytes (CPython, Objects/exception_handling_notes.txt)."""
    numbers: list[int] = []
    value = 0
    for byte in table:
        value = (value << 6) | (byte & 63)
        if not byte & 64:
            numbers.append(value)
            value = 0
    quads = zip(*[iter(numbers)] * 4, strict=False)
    return tuple((start * 2, (start + size) * 2, handler * 2, mark >> 1) for start, size, handler, mark in quads)


@lru_cache(maxsize=1)
def _opcodes() -> tuple[int, int]:
    import opcode  # only a dump needs it

    return opcode.opmap["PUSH_EXC_INFO"], opcode.opmap["WITH_EXCEPT_START"]


@lru_cache(maxsize=512)
def _with_handlers(table: bytes, bytecode: bytes) -> frozenset[int]:
    push, start = _opcodes()
    return frozenset(
        handler for _, _, handler, _ in _parsed(table) if bytecode[handler] == push and bytecode[handler + 2] == start
    )


def enclosing_withs(code: CodeType, lasti: int) -> list[tuple[int, int]]:
    """Return value-stack depth and line of the `with` blocks around an instruction, innermost first.

    The handler of an inner block lies in the range of the next outer one, so the chain of handlers is the nesting.
    """
    table = code.co_exceptiontable
    handlers = _with_handlers(table, code.co_code) if table else ()
    if not handlers:
        return []
    found: list[tuple[int, int]] = []
    place, seen = lasti, set[int]()
    while place not in seen:
        seen.add(place)
        entry = next((e for e in _parsed(table) if e[0] <= place < e[1]), None)
        if entry is None:
            break
        place = entry[2]
        if place in handlers:
            found.append((entry[3], _line_of(code, place)))
    return found


def _line_of(code: CodeType, offset: int) -> int:
    """Return the line of an instruction; WITH_EXCEPT_START bears the line of its `with`."""
    return next((line or 0 for start, end, line in code.co_lines() if start <= offset + 2 < end), 0)
