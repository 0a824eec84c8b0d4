from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest

from unjam.errors import NotAvailable, UsageError
from unjam.model.findings import Grade
from unjam.static import analysis, checker, facts, imports, names, outlines, program
from unjam.static.analysis import Analysis
from unjam.static.binding import Binding
from unjam.static.check import Options
from unjam.static.checker import Request, Run
from unjam.static.config import Config
from unjam.static.effects import Effects
from unjam.static.entries import Entries
from unjam.static.leaves import Leaves
from unjam.static.locks import Locks
from unjam.static.mistakes import Mistakes
from unjam.static.outline import outline
from unjam.static.project import Settings, found
from unjam.static.reach import Reach
from unjam.static.result import Severity
from unjam.static.stored import Stored

pytestmark = pytest.mark.timeout(600)  # the type checker is CPU-bound, and a busy machine gives it a tenth of a core

SLEEPS = "import time\n\n\nasync def handler():\n    time.sleep(1)\n"


@pytest.fixture
def other_version(tmp_path_factory):
    """A type checker that says it is of a version that we do not know."""
    other = tmp_path_factory.mktemp("other") / "pyrefly"
    other.write_text("#!/bin/sh\necho pyrefly 0.60.0\n")
    other.chmod(0o755)
    return other


def test_chain_leads_from_the_route_to_the_call(project, checked):
    """The chain begins at the route, names each function with the line where it goes on, and ends at the blamed line."""
    root = project(
        app__main_py="from app.deep import load\n\n\nclass Api: ...\n\n\napi = Api()\n\n\n"
        "@api.get('/items')\nasync def items():\n    return await fetch()\n\n\nasync def fetch():\n    return load()\n",
        app__deep_py="import time\n\n\ndef load():\n    time.sleep(1)\n",
        **{"app/__init__.py": ""},
    )
    (problem,) = checked(root).problems
    assert problem.route == "GET /items"
    assert [(link.function, link.line) for link in problem.finding.chain] == [("items", 12), ("fetch", 16), ("load", 5)]
    assert problem.finding.culprit.function == "load"
    assert [place.function for place in problem.callers] == ["fetch"]
    assert problem.finding.grade is Grade.EXACT


PUTS = """\
import queue


async def handler(jobs: queue.Queue, table: dict[str, queue.Queue]):
    jobs.put(1)
    chosen = table.get("first")
    chosen.put(1)
"""


@pytest.mark.parametrize(("made", "told"), [("queue.Queue()", 0), ("queue.Queue(8)", 2)])
def test_a_queue_waits_where_the_program_makes_one_with_a_bound(project, checked, made, told):
    """A function that is given its queue waits for room only where some queue of the program can be full."""
    root = project(app_py=PUTS, jobs_py=f"import queue\n\njobs = {made}\n")
    assert [problem.rule for problem in checked(root).problems] == ["UJ202"] * told


READERS = """\
import io
from typing import BinaryIO


class Reader:
    def __init__(self, stream: BinaryIO):
        self._stream = stream

    def whole(self):
        return self._stream.read()


async def in_memory(data):
    return Reader(io.BytesIO(data)).whole()


async def on_a_disk(stream: BinaryIO):
    return Reader(stream).whole()
"""


def test_chain_is_of_a_way_that_works_on_a_file(project, checked):
    """Of two ways to one call the one is shown that blocks, not the one that gives it something in memory."""
    (problem,) = checked(project(app_py=READERS)).problems
    assert [link.function for link in problem.finding.chain] == ["on_a_disk", "Reader.whole"]


MAIN = "import asyncio\nimport time\n\n\nasync def main():\n    time.sleep(1)\n\n\nasyncio.run(main())\n"
SERVES = "class Api: ...\n\n\napi = Api()\n\n\n@api.get('/items')\nasync def items():\n    return []\n"


@pytest.mark.parametrize(("text", "severity"), [(MAIN, Severity.WARNING), (MAIN + SERVES, Severity.NOTE)])
def test_main_of_a_program_that_serves_is_its_start(project, checked, text, severity):
    """What a main coroutine does once is all that a script does, and the start of what has routes."""
    (problem,) = checked(project(app_py=text)).problems
    assert severity is problem.severity


def test_many_callers_are_one_finding(project, checked):
    """One helper called from forty coroutines is one finding with forty callers."""
    callers = "".join(f"async def handler_{number}():\n    helper()\n\n\n" for number in range(40))
    (problem,) = checked(project(app_py=f"import time\n\n\ndef helper():\n    time.sleep(1)\n\n\n{callers}")).problems
    assert len(problem.callers) == 40


def test_name_alone_is_inferred(project, checked):
    """What is not installed is judged by its name: the grade and a notice say so."""
    result = checked(
        project(app_py="import qdrant_client\n\n\nasync def f():\n    qdrant_client.QdrantClient().search('x')\n")
    )
    assert result.notices == ["qdrant_client is not installed in this environment: calls on it are judged by name only"]
    assert [(problem.rule, problem.finding.grade) for problem in result.problems] == [("UJ106", Grade.INFERRED)]


def test_wrapper_of_a_package_is_no_stray_folder(project, checked):
    """A folder named after the package that it wraps says nothing of roots; a folder that others import does."""
    files = {"app/axis/client.py": "import axis\n", "lib/deep/tools.py": "x = 1\n", "main.py": "import deep\n"}
    assert checked(project(**files)).notices == [
        "axis is not installed in this environment: calls on it are judged by name only",
        "imports of deep lead nowhere, though the project has folders of that name: name its top with --src",
    ]


def test_fingerprint_survives_moved_lines(project, checked):
    """A baseline holds where lines move: the fingerprint does not know them."""
    (before,) = checked(project(app_py=SLEEPS)).problems
    (after,) = checked(project(app_py="# one more line\n" + SLEEPS)).problems
    assert before.fingerprint == after.fingerprint
    assert after.line == before.line + 1


def test_same_line_twice_has_two_fingerprints(project, checked):
    """Two equal lines in one function are told apart, or a baseline would hide the new one."""
    problems = checked(project(app_py=SLEEPS + "    time.sleep(1)\n")).problems
    assert len({problem.fingerprint for problem in problems}) == 2


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("broken.py", b"async def f(:\n", "cannot be parsed"),
        ("latin.py", b"# \xe9\nx = 1\n", "cannot be read"),
        ("null.py", b"x = 1\x00\n", "cannot be"),
        ("newer.py", b"lazy import json\nx = t'{json}'\n", "cannot be parsed"),
        ("deep.py", b"x = " + b"(" * 500 + b"1" + b")" * 500 + b"\n", "cannot be parsed"),
    ],
)
def test_bad_file_is_listed_and_the_rest_is_checked(project, checked, name, content, reason):
    """One unreadable file is named with its reason; the others are checked all the same."""
    root = project(app_py=SLEEPS)
    (root / name).write_bytes(content)
    result = checked(root)
    assert [problem.rule for problem in result.problems] == ["UJ101"]
    assert [(path.rpartition("/")[2], reason in why) for path, why in result.skipped.items()] == [(name, True)]


def _outlined(path, text):
    if path.endswith("odd.py"):
        raise IndexError("list index out of range")
    return outline(path, text)


def _fails_at_odd(plain, path_of):
    def run(self, *arguments):
        if path_of(self, *arguments).endswith("odd.py"):
            raise IndexError("list index out of range")
        return plain(self, *arguments)

    return run


@pytest.mark.parametrize("step", ["outline", "facts", "joining"])
def test_file_that_we_cannot_cope_with_is_listed_and_the_rest_is_checked(project, checked, monkeypatch, step):
    """A fault of our own in one file costs that file, whichever step meets it, and is told with its reason."""
    if step == "outline":
        monkeypatch.setattr(outlines, "outline", _outlined)
    elif step == "facts":
        reader = facts._Reader
        monkeypatch.setattr(reader, "_module", _fails_at_odd(reader._module, lambda _self, _identity, path: path))
    else:
        join = program._ModuleJoin
        monkeypatch.setattr(join, "run", _fails_at_odd(join.run, lambda self: self._outline.path))
    root = project(app_py="import odd\n" + SLEEPS + "    odd.x()\n", odd_py="def x(): ...\n")
    result = checked(root)
    assert [problem.rule for problem in result.problems] == ["UJ101"]
    assert result.skipped == {str(root / "odd.py"): "reading it failed (IndexError: list index out of range)"}


STEPS = (
    (Effects, "_direct"),
    (Entries, "_of"),
    (Entries, "_mains"),
    (Stored, "_read_arguments"),
    (Reach, "edges"),
    (Leaves, "leaf"),
    (Locks, "_held"),
    (Mistakes, "_mistaken"),
    (Mistakes, "_early"),
)


@pytest.mark.parametrize(("owner", "method"), STEPS, ids=[f"{owner.__name__}.{method}" for owner, method in STEPS])
def test_function_that_we_cannot_cope_with_costs_no_other(facts_of_two, monkeypatch, owner, method):
    """A fault of our own in one function costs that one, whichever step meets it, and its file is listed with the reason."""
    monkeypatch.setattr(owner, method, _fails_at_odd(getattr(owner, method), lambda _self, function, *_: function.path))
    result = facts_of_two()
    assert "UJ101" in {problem.rule for problem in result.problems if problem.path.endswith("app.py")}
    assert [(path.rpartition("/")[2], why) for path, why in result.skipped.items()] == [
        ("odd.py", "checking a part of it failed (IndexError: list index out of range)")
    ]


WHOLE = (
    (Locks, "gathered", "who else holds a lock"),
    (imports, "accusations", "imports"),
    (analysis, "merged", "findings of one file or client"),
    (analysis, "_coverage", "coverage"),
    (Analysis, "_packages", "installed packages"),
)


@pytest.mark.parametrize(("owner", "name", "what"), WHOLE, ids=[name for _, name, _ in WHOLE])
def test_step_that_we_cannot_cope_with_costs_no_other(facts_of_two, monkeypatch, owner, name, what):
    """A fault of our own in a step that looks at everything costs that step, which is named; the rest is found."""

    def fails(*_arguments):
        raise IndexError("list index out of range")

    monkeypatch.setattr(owner, name, fails)
    result = facts_of_two()
    assert "UJ101" in {problem.rule for problem in result.problems}
    assert f"{what} could not be looked at (IndexError: list index out of range)" in result.notices


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A project of two files, with what the type checker says of it: that is asked once."""
    root = tmp_path_factory.mktemp("two")
    (root / "pyproject.toml").write_text("")
    (root / "app.py").write_text("import odd\n" + SLEEPS + "    odd.x()\n")
    (root / "odd.py").write_text(
        "import asyncio, time\n\ndef x(): ...\n\nasync def y():\n    await asyncio.to_thread(x)\n    time.sleep(1)\n"
    )
    found_here = found([str(root)], Settings())
    request = Request(found_here.files, found_here.roots, (), found_here.python_version)
    run = Run(request)
    try:
        return found_here, facts.facts_of(run)
    finally:
        run.close()


@pytest.fixture
def facts_of_two(two, monkeypatch):
    """Checks the project of two files, without asking the type checker again."""
    here, said = two

    class Answered:
        def release(self):
            pass

    monkeypatch.setattr(analysis, "facts_of", lambda _run: said)
    options = Options(dt.date(2026, 1, 1), libraries=True, fresh=True)
    return lambda: Analysis(here, options, Config(), lambda _text: None).result(Answered())


def test_newer_grammar_of_exceptions_is_read(project, checked):
    """`except A, B:` is Python 3.14's, and is read on every Python, at the lines where it stands."""
    text = "import time\n\n\nasync def f():\n    try:\n        pass\n    except ValueError, KeyError:\n        time.sleep(1)\n"
    result = checked(project(app_py=text))
    assert ([problem.line for problem in result.problems], result.skipped) == ([8], {})


@pytest.mark.parametrize(
    "newer",
    [
        "async def f[T: (int, list[str])](x: T) -> T:",
        "async def f[\n    T,\n    *Ts,\n](x: T) -> T:",
        "type Pair[T] = tuple[T, T]\n\n\nclass A[T]: ...\n\n\nasync def f(x: Pair[int]):",
        "type Name = list[str]\n\n\nasync def f(x: Name):",
    ],
)
def test_type_parameters_are_read(project, checked, newer):
    """The grammar of type parameters is Python 3.12's, and is read on every Python, at the lines where it stands."""
    text = f"import time\n\n\n{newer}\n    time.sleep(1)\n"
    result = checked(project(app_py=text))
    assert ([problem.line for problem in result.problems], result.skipped) == ([text.count("\n")], {})


def test_annotation_of_nothing_is_read(project, checked):
    """`Tuple[()]`, the type of the empty tuple, has no first part; the file that writes it is checked like any other."""
    text = "import time\nfrom typing import Tuple\n\n\nasync def f(x: Tuple[()], y: 'Tuple[()]' = ()):\n    time.sleep(1)\n"
    result = checked(project(app_py=text))
    assert ([problem.line for problem in result.problems], result.skipped) == ([6], {})


def test_generated_code_is_left_out_by_a_pattern(project, checked):
    """What nobody wrote nobody mends: `exclude` leaves it out, and its callers are checked all the same."""
    files = {"app_pb2.py": SLEEPS, "app.py": SLEEPS, "unjam.toml": 'exclude = ["*_pb2.py"]\n'}
    result = checked(project(**files))
    assert [problem.path.rpartition("/")[2] for problem in result.problems] == ["app.py"]


def test_cycles_of_imports_and_calls_end(project, checked):
    """Modules that import each other and functions that call each other are followed once."""
    root = project(
        one_py="import two\n\n\nasync def start():\n    ping(3)\n\n\ndef ping(n):\n    two.pong(n)\n",
        two_py="import time\n\nimport one\n\n\ndef pong(n):\n    time.sleep(n)\n    one.ping(n)\n",
    )
    assert [(problem.rule, problem.line) for problem in checked(root).problems] == [("UJ101", 7)]


def test_file_under_two_names_is_one_file(project, checked):
    """What two folders on the search path both see has one set of functions, however it is imported."""
    root = project(
        **{"plugins/shop/__init__.py": "from .deep import load\n\n\nasync def setup():\n    load()\n"},
        plugins__shop__deep_py="import time\n\n\ndef load():\n    time.sleep(1)\n",
        main_py="from plugins.shop import setup\nfrom plugins.shop.deep import load\n\n\nasync def main():\n    await setup()\n    load()\n",
    )
    (problem,) = checked(root).problems
    assert (problem.line, [place.function for place in problem.callers]) == (5, ["main", "setup"])


def test_long_generated_file_is_checked(project, checked):
    """A file of fifty thousand lines is a file."""
    result = checked(project(app_py=SLEEPS + "TABLE = [\n" + "    0,\n" * 50_000 + "]\n"))
    assert [problem.rule for problem in result.problems] == ["UJ101"]


def test_tests_are_no_entry_points(project, checked):
    """An async test blocks nobody but itself."""
    assert checked(project(tests__test_app_py=SLEEPS)).problems == []


def test_tests_are_entry_points_when_asked(project, checked):
    """Who wants to know what blocks in tests says so in the settings."""
    root = project(tests__test_app_py=SLEEPS, unjam_toml="tests = true\n")
    (problem,) = checked(root).problems
    assert problem.path.endswith("test_app.py")


@pytest.mark.parametrize(("mode", "use", "read_once"), [("r", "read()", True), ("w", "write('')", False)])
def test_what_is_written_is_not_to_be_read_once(project, checked, mode, use, read_once):
    """A remedy fits what the call does: nobody keeps at start-up what is written later."""
    text = f"async def f():\n    with open('x', '{mode}') as file:\n        file.{use}\n"
    (problem,) = checked(project(app_py=text)).problems
    assert any("read it once" in remedy.text for remedy in problem.finding.remedies) is read_once


ENDPOINT = """
import asyncio
import requests
import fastapi, sanic
app = {framework}()
@app.get("/")
async def page(url):
    {first}
    return fetched(url)
def fetched(url):
    return requests.get(url)
"""


@pytest.mark.parametrize(
    ("framework", "first", "plain"),
    [
        ("fastapi.FastAPI", "str(url)", True),
        ("fastapi.FastAPI", "await asyncio.sleep(0)", False),
        ("fastapi.FastAPI", "asyncio.create_task(asyncio.sleep(0))", False),
        ("sanic.Sanic", "str(url)", False),
    ],
)
def test_endpoint_that_awaits_nothing_may_be_plain(project, checked, framework, first, plain):
    """That `def` is a cure is said first, of the endpoint, of FastAPI's only, and only where it awaits nothing and needs no loop."""
    (problem,) = checked(project(app_py=ENDPOINT.format(framework=framework, first=first))).problems
    texts = [remedy.text for remedy in problem.finding.remedies]
    assert [text.startswith("if page awaits nothing else, declare it def") for text in texts[:1]] == [plain]
    assert not any("declare it def" in text for text in texts[1:])


@pytest.mark.parametrize(("kind", "grade"), [("typing.BinaryIO", "inferred"), ("io.BufferedReader", "exact")])
def test_type_of_files_that_may_be_in_memory_is_no_proof(project, checked, kind, grade):
    """What is annotated as typing.BinaryIO may be a BytesIO: it is read of a file as far as is known, not for sure."""
    text = f"import io\nimport typing\nasync def f(stream: {kind}):\n    return stream.read()\n"
    (problem,) = checked(project(app_py=text)).problems
    assert problem.finding.grade.label == grade
    assert any("in memory" in evidence.text for evidence in problem.finding.evidence) is (grade == "inferred")


UPLOAD = """
import zipfile
from fastapi import FastAPI
app = FastAPI()
@app.post("/")
async def upload(file, name):
    archive = zipfile.ZipFile({what})
    return archive.read("a")
"""


@pytest.mark.parametrize(("what", "read_once"), [("file.file", False), ("str(name)", False), ("'a.zip'", True)])
def test_what_is_given_is_not_to_be_read_once(project, checked, what, read_once):
    """Each who asks gives another one, so that there is nothing to keep at start-up."""
    (problem,) = checked(project(app_py=UPLOAD.format(what=what))).problems
    assert any("read it once" in remedy.text for remedy in problem.finding.remedies) is read_once


def test_unchanged_project_is_answered_from_the_cache(project, checked, monkeypatch):
    """Nothing changed, nothing run: the type checker is not started; one changed byte starts it."""
    root = project(app_py=SLEEPS)
    first = checked(root, fresh=False)
    monkeypatch.setattr(checker, "version", lambda _program: pytest.fail("the type checker was asked"))
    assert checked(root, fresh=False) == first
    (root / "app.py").write_text(SLEEPS + "\n")
    with pytest.raises(pytest.fail.Exception):
        checked(root, fresh=False)


def test_another_type_checker_checks_anew(project, checked, monkeypatch, other_version):
    """What another version of the type checker found out is not taken for what this one would."""
    root = project(app_py=SLEEPS)
    checked(root, fresh=False)
    monkeypatch.setattr(checker, "program", lambda: str(other_version))
    with pytest.raises(NotAvailable):
        checked(root, fresh=False)


def test_only_changed_files_are_parsed_again(project, checked, monkeypatch):
    """Of a changed project the outlines of all other files come from the cache."""
    root = project(app_py=SLEEPS, other_py="x = 1\n")
    checked(root, fresh=False)
    parsed = []
    monkeypatch.setattr(outlines, "outline", lambda path, text: parsed.append(path) or outline(path, text))
    (root / "app.py").write_text("\n" + SLEEPS)
    (problem,) = checked(root, fresh=False).problems
    assert (problem.line, parsed) == (6, [str(root / "app.py")])


def test_each_name_is_walked_through_once(project, checked, monkeypatch):
    """Names that stand for others are found once each, not once for every way that leads to them."""
    pairs = ((f"{left}{step}", f"{right}{step + 1}") for step in range(7) for left in "ab" for right in "ab")
    lines = "\n".join(f"    {target} = {value}" for target, value in pairs)
    walked = Counter()
    plain = names.Namer._walked

    def counted(self, outline, scope, text, depth):
        walked[text] += 1
        return plain(self, outline, scope, text, depth)

    monkeypatch.setattr(names.Namer, "_walked", counted)
    checked(project(app_py=f"async def f():\n{lines}\n    a0.get()\n"))
    assert [walked[f"{letter}{step}"] for step in range(1, 8) for letter in "ab"] == [1] * 14


def test_places_that_stand_for_each_other_are_walked_through_once(project, checked, monkeypatch):
    """Eight places that are each filled from all others have thousands of ways between them, and few of them are walked."""
    places = [f'app["p{number}"]' for number in range(8)]
    lines = "\n".join(f"    {place} = {other}" for place in places for other in places if place != other)
    walked = []
    plain = names.Namer._shared
    monkeypatch.setattr(names.Namer, "_shared", lambda self, *place: walked.append(place) or plain(self, *place))
    checked(project(app_py=f"async def f(app):\n{lines}\n    app['p0'].get()\n"))
    assert 8 < len(walked) < 8 * 64


def test_own_settings_reach_the_analysis(project, checked):
    """Sinks, offloads and entry points of one's own count like ours."""
    root = project(
        legacy_py="def query():\n    pass\n\n\ndef in_thread(work):\n    pass\n",
        app_py="import legacy\nimport external\n\n\ndef tick():\n    external.query()\n    external.away(work)\n\n\n"
        "def work():\n    external.query()\n",
        unjam_toml='entry-points = ["app.tick"]\nsinks = ["external.query"]\noffloads = ["external.away"]\n',
    )
    (problem,) = checked(root).problems
    assert (problem.rule, problem.line, problem.route) == ("UJ109", 6, "entry point of [tool.unjam]")


def test_missing_path_is_refused(tmp_path):
    """A path that does not exist is the user's mistake, said in one line."""
    with pytest.raises(UsageError, match="no such file or folder"):
        found([str(tmp_path / "gone")], Settings())


def test_other_version_of_the_type_checker_is_refused(other_version):
    """Facts of another version may mean something else: the message says which one to install."""
    with pytest.raises(NotAvailable, match=r"pip install 'pyrefly>=1.1,<1.5'"):
        checker.version(str(other_version))


@pytest.mark.parametrize(("owner", "method"), [(Binding, "_parameters"), (Leaves, "_of_target")])
def test_what_is_the_same_for_many_calls_is_found_out_once(project, checked, monkeypatch, owner, method):
    """The parameters of a function that is called from everywhere are looked up once by each who asks, and so is its record."""
    asked = Counter()
    plain = getattr(owner, method)

    def counted(self, *key):
        asked[id(self), key] += 1
        return plain(self, *key)

    monkeypatch.setattr(owner, method, counted)
    calls = "".join("    time.sleep(1)\n    own(time)\n" for _ in range(9))
    result = checked(project(app_py=f"import time\n\ndef own(what): ...\n\nasync def f():\n{calls}"))
    assert [1] * len(asked) == list(asked.values())
    assert len(result.problems) == 9


def test_typed_call_is_not_asked_by_name_whether_it_runs_a_loop(project, checked, monkeypatch):
    """Of a call that the type checker knows as another function the name is not walked through."""
    asked = []
    plain = names.Namer.qualified
    monkeypatch.setattr(
        names.Namer, "qualified", lambda self, function, text: asked.append(text) or plain(self, function, text)
    )
    text = "import asyncio, time\n\nasync def main(): time.sleep(1)\n\ndef own(x): ...\n\ndef f():\n    own(1)\n    asyncio.run(main())\n"
    (problem,) = checked(project(app_py=text)).problems
    assert problem.once
    assert ("own" in asked, "asyncio.run" in asked) == (False, True)
