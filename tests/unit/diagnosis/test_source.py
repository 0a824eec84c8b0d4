"""What the source says of an instruction, against the positions that the interpreter really records."""

from __future__ import annotations

import ast
import itertools
import os
import threading
import time
from functools import partial

import pytest

from unjam.diagnosis.source import KEPT_LINES, Sources
from unjam.model.stacks import Frame
from unjam.native.frames import current_frames

TEXT = """
import os, queue, threading, socket as sk, concurrent.futures as cf
from queue import SimpleQueue as Inbox
from threading import Lock

gate = Lock()
gate.acquire()
inbox = Inbox()

def plain(ends):
    len("a"); gate.acquire(); len("b")

def entered(ends):
    with gate:
        pass

def lines(ends):
    return (gate
        .acquire(
            timeout=60))

def imported(ends):
    box = Inbox()
    ends.append(box)
    box.get()

class Reader:
    def __init__(self, ends):
        self.socket, other = sk.socketpair()
        self.inbox = Inbox()
        ends.append(self.inbox)

    def attribute(self):
        self.inbox.get()

def attribute(ends):
    Reader(ends).attribute()

def looped(ends):
    end, other = os.pipe()
    ends.append(other)
    while os.read(end, 1):
        pass

def iterated(ends):
    end, other = os.pipe()
    ends.append(other)
    with open(end) as file:
        for line in file:
            pass

def binary(ends):
    end, other = os.pipe()
    ends.append(other)
    with open(end, mode="rb") as file:
        for line in file:
            pass

def annotated(ends, box: Inbox | None = None):
    box: Inbox = Inbox()
    ends.append(box)
    [box.get() for _ in range(1)]
"""
FILE = "/srv/app/blocked.py"
SOURCES = Sources({FILE: tuple(TEXT.split("\n"))}.get)


def frame_of(ident: int) -> Frame | None:
    """The innermost frame of a thread, with the position that the interpreter has for its instruction."""
    frame = current_frames().get(ident)
    if frame is None or frame.f_code.co_filename != FILE:
        return None
    line, end_line, column, end_column = next(itertools.islice(frame.f_code.co_positions(), frame.f_lasti // 2, None))
    return Frame(
        FILE,
        line or 0,
        frame.f_code.co_qualname,
        -1 if column is None else column,
        end_line or 0,
        -1 if end_column is None else end_column,
    )


def release(module: dict, ends: list) -> None:
    """Let a blocked function end."""
    for end in ends:
        os.close(end) if isinstance(end, int) else end.put(None)
    module["gate"].release()


@pytest.mark.parametrize(
    ("function", "name", "in_loop"),
    [
        ("plain", "threading.Lock.acquire", False),
        ("entered", "threading.Lock.__enter__", False),
        ("lines", "threading.Lock.acquire", False),
        ("imported", "queue.SimpleQueue.get", False),
        ("attribute", "queue.SimpleQueue.get", False),
        ("looped", "os.read", True),
        ("iterated", "io.TextIOWrapper.__next__", True),
        ("binary", "io.BufferedReader.__next__", True),
        ("annotated", "queue.SimpleQueue.get", True),
    ],
)
def test_the_instruction_of_a_blocked_thread_is_named(function, name, in_loop):
    """The call that a thread is blocked in is found by its position, its imports and its object's type."""
    module: dict = {"__name__": "blocked"}
    exec(compile(TEXT, FILE, "exec"), module)
    ends: list = []
    thread = threading.Thread(target=module[function], args=(ends,), daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    said: list = []
    try:
        # Blocked for good: the same instruction, often enough in a row that no bytecode can be running.
        while len(said) < 50 or len(set(said[-50:])) > 1:
            assert time.monotonic() < deadline, said[-1:]
            frame = frame_of(thread.ident or 0)
            instruction = frame and SOURCES.instruction(frame)
            said.append((instruction.name, instruction.resolved, instruction.in_loop) if instruction else None)
            threading.Event().wait(0.002)
        assert said[-1] == (name, True, in_loop)
    finally:
        release(module, ends)
    thread.join(30)
    assert not thread.is_alive()


def instruction(text: str, snippet: str):
    lines = tuple(text.split("\n"))
    row = max(number for number, line in enumerate(lines, 1) if snippet in line)
    column = lines[row - 1].index(snippet)
    return Sources(lambda _: lines).instruction(Frame("x.py", row, "f", column, row, column + len(snippet)))


@pytest.mark.parametrize(
    ("text", "snippet", "name", "resolved"),
    [
        ("import json as j\nj.dumps(x)", "j.dumps(x)", "json.dumps", True),
        ("import os.path\nos.path.exists(x)", "os.path.exists(x)", "os.path.exists", True),
        ("from os import path as p\np.exists(x)", "p.exists(x)", "os.path.exists", True),
        ("def f():\n    from time import sleep\n    sleep(1)", "sleep(1)", "time.sleep", True),
        ("sorted(x)", "sorted(x)", "builtins.sorted", True),
        ("def sorted(x): pass\nsorted(x)", "sorted(x)", "sorted", False),
        ("def f(open):\n    open(x)", "open(x)", "open", False),
        ('"".join(x)', '"".join(x)', "builtins.str.join", True),
        ("import hashlib\nhashlib.sha256().update(x)", "hashlib.sha256().update(x)", "_hashlib.HASH.update", True),
        ("import re\nP = re.compile('a')\ndef f():\n    P.match(x)", "P.match(x)", "re.Pattern.match", True),
        (
            "import sqlite3\ndef f(c: sqlite3.Connection):\n    c.execute(q)",
            "c.execute(q)",
            "sqlite3.Connection.execute",
            True,
        ),
        (
            "import sqlite3\nwith sqlite3.connect(f) as c:\n    c.cursor().execute(q)",
            "c.cursor().execute(q)",
            "sqlite3.Cursor.execute",
            True,
        ),
        ("thing.execute(q)", "thing.execute(q)", "thing.execute", False),
        ("import a.b as c", "import a.b as c", "import a.b", True),
        ("from a.b import c", "from a.b import c", "import a.b", True),
        ("y = 1 in x", "1 in x", "1 in x", False),
    ],
)
def test_names_are_resolved_as_far_as_the_file_tells(text, snippet, name, resolved):
    """Aliases, local imports, builtins that nobody hides, and types in sight; what is not in sight keeps its own text."""
    found = instruction(text, snippet)
    assert (found.name, found.resolved) == (name, resolved)


@pytest.mark.parametrize("text", ["def f(:\n  x(1)", "x(1)\x00", "(" * 5000 + "x(1)"])
def test_what_cannot_be_parsed_names_nothing(text):
    """Newer grammar, binary files, hopeless nesting: no name, no error."""
    assert instruction(text, "x(1)") is None


def test_without_columns_a_lone_call_of_the_line_is_taken():
    """-X no_debug_ranges: a line with one call is that call, a line with two is neither."""
    sources = Sources({"x.py": ("import time", "time.sleep(1)", "f(g(1))")}.get)
    assert sources.instruction(Frame("x.py", 2, "f")).name == "time.sleep"
    assert sources.instruction(Frame("x.py", 3, "f")) is None


def test_each_file_is_read_once():
    """A diagnosis asks for the lines of a file one time, however many frames lie in it."""
    asked: list = []
    sources = Sources(partial(lambda seen, file: seen.append(file), asked))
    for line in range(5):
        assert sources.instruction(Frame("gone.py", line, "f", 1, line, 2)) is None
    assert asked == ["gone.py"]


def test_answers_outlive_the_text_they_were_read_from():
    """Stalls come back to the same places: a file of which all that is asked has been answered is neither read nor parsed again."""
    asked = []
    text = ("import time", "def f():", "    time.sleep(1)", *("" for _ in range(KEPT_LINES)))

    def provider(file):
        asked.append(file)
        return text if file == "x.py" else None

    sources, frame = Sources(provider), Frame("x.py", 3, "f", 4, 3, 17)
    for _ in range(3):
        assert sources.instruction(frame).name == "time.sleep"
        assert sources.read(frame, len) == 3
        assert sources.mentioned("x.py", 3, "sleep") == "time.sleep"
        assert sources.granted("x.py") == []
        sources.rest()
    assert asked == ["x.py"]


def test_a_file_that_was_read_last_is_kept_for_the_next_question():
    """Another place of the same file is mostly what is asked next; what does not fit into the memory set aside for that is read anew."""
    asked = []
    texts = {"small.py": ("f()", "g()"), "large.py": ("f()", *("g()" for _ in range(KEPT_LINES)))}
    sources = Sources(lambda file: asked.append(file) or texts[file])
    for line in (1, 2):
        for file in texts:
            assert sources.instruction(Frame(file, line, "f", 0, line, 3)).name == "fg"[line - 1]
        sources.rest()
    assert asked == ["small.py", "large.py", "large.py"]


def test_a_text_that_comes_late_is_asked_for_again():
    """Code that is made at run time may be entered among the sources after it was first seen: nothing is concluded from its absence."""
    texts = {}
    sources, frame = Sources(texts.get), Frame("<made>", 1, "f", 0, 1, 3)
    assert sources.instruction(frame) is None
    assert sources.granted("<made>") == []
    sources.rest()
    texts["<made>"] = ("f()  # unjam: allow[UJ101] meant",)
    assert sources.instruction(frame).name == "f"
    assert [each.reason for each in sources.granted("<made>")] == ["meant"]


def test_a_name_is_found_in_another_statement_of_its_file():
    """Only the statement of a line is looked into, but what its names mean is said by others, before it and behind."""
    text = ("import threading as th", "gate = th.Lock()", "", "def f():", "    gate.acquire()", "", "gate.release()")
    sources = Sources(lambda _: text)
    assert sources.instruction(Frame("x.py", 5, "f", 4, 5, 18)).name == "threading.Lock.acquire"
    assert sources.instruction(Frame("x.py", 7, "<module>", 0, 7, 14)).name == "threading.Lock.release"


LONG = (
    *(
        "import time as clock",
        "class Long:",
        "    def __init__(self, lock: clock.Lock):",
        "        self.lock = lock",
        "",
    ),
    *(
        line
        for n in range(300)
        for line in (f"    def m{n}(self):", f"        return [each + {n} for each in self.rows]", "")
    ),
    *("    @property", "    def last(self):", "        return (self.lock", "            .acquire(clock.sleep(1)))"),
)


def test_of_a_long_class_only_what_is_asked_about_is_looked_at(monkeypatch):
    """Going through all of it would take ten milliseconds, in which the program waits for the GIL."""
    looked_at = []
    all_nodes, children = len(list(ast.walk(ast.parse("\n".join(LONG))))), ast.iter_child_nodes
    monkeypatch.setattr(ast, "iter_child_nodes", lambda node: looked_at.append(node) or children(node))
    sources, line = Sources(lambda _: LONG), len(LONG)
    inner = sources.instruction(Frame("x.py", line, "Long.last", 21, line, 35))
    assert (inner.name, inner.resolved) == ("time.sleep", True)
    outer = sources.instruction(Frame("x.py", line, "Long.last", 13, line, 36))
    assert (outer.name, outer.resolved) == ("time.Lock.acquire", True)
    assert 20 * len(looked_at) < all_nodes


def test_a_node_is_found_from_each_of_its_lines():
    """A call over several lines is asked about from its first one and from its last, and is one call all the same."""
    text = ("import time", "def f(g):", "    return g(", "        time.sleep(1),", "        2)")
    sources = Sources(lambda _: text)
    assert sources.mentioned("x.py", 4, "sleep") == "time.sleep"
    assert sources.instruction(Frame("x.py", 3, "f", 11, 5, 10)).text == "g(time.sleep(1), 2)"
    assert sources.instruction(Frame("x.py", 4, "f")).name == "time.sleep"
    assert sources.instruction(Frame("x.py", 3, "f")).text == "g(time.sleep(1), 2)"
