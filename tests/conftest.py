"""What every suite shares: a Hypothesis that does not judge time, and programs watched as `unjam run` has them watched."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from unjam import failure
from unjam.children import child_environment
from unjam.errors import NotAvailable
from unjam.model.session import Recording
from unjam.native import choose
from unjam.recording.folder import create
from unjam.recording.reader import read

hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")

failure.raises = True

THRESHOLD_NS = 50_000_000

STALLING = {("stalling.py", "hold"), ("program.py", "stall")}

SHARING = frozenset(
    {
        "test_asgi.py",
        "test_dashboards.py",
        "test_packaging.py",
        "test_printed.py",
        "test_prometheus.py",
        "test_rules.py",
        "test_shop_read.py",
        "test_spans.py",
    }
)
"""Modules with a fixture that is made once: each worker that runs one of their tests would make its own service, or ask the type checker."""

BESIDE = Path(__file__).with_name("stalling.py")
"""What a watched program can import."""


def pytest_addoption(parser):
    group = parser.getgroup("unjam's own tests")
    group.addoption("--put-off", metavar="FILE", help="what is marked serial and does not pass: note it, and skip it")
    group.addoption("--only-put-off", metavar="FILE", help="run what was noted there, and nothing else")


def pytest_collection_modifyitems(config, items):
    """What starts the type checker comes first: it takes longest, and at the end everybody would wait for it."""
    items.sort(key=lambda item: "rules" not in item.path.parts)
    if noted := config.getoption("only_put_off"):
        wanted = {*Path(noted).read_text().splitlines()}
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in wanted])
        items[:] = [item for item in items if item.nodeid in wanted]


def pytest_ignore_collect(collection_path, config):
    """Nothing is read of which nothing is to run."""
    if (noted := config.getoption("only_put_off")) and collection_path.suffix == ".py":
        wanted = {line.partition("::")[0] for line in Path(noted).read_text().splitlines()}
        return True if collection_path.relative_to(config.rootpath).as_posix() not in wanted else None
    return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A machine that is busy with other tests is no ground to condemn what judges when things happen: that gets another hearing, alone."""
    report = yield
    noted = item.config.getoption("put_off")
    if noted and not report.passed and item.get_closest_marker("serial"):
        with open(noted, "a") as file:
            file.write(f"{item.nodeid}\n")
        report.outcome = "skipped"
        report.longrepr = (
            str(item.path),
            None,
            f"runs again alone; beside others: {call.excinfo.exconly(tryshort=True)}",
        )
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Whoever is free gets the next test, but for those of a module that share something costly: these stay in one worker."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            module = nodeid.partition("::")[0]
            return module if Path(module).name in SHARING else nodeid

    return Scheduling(config, log)


@dataclass
class Outcome:
    """What came of a program: its exit status and output, and its recording."""

    status: int
    out: str
    err: str
    recording: Recording

    @property
    def processes(self):
        return list(self.recording.processes)

    @property
    def process(self):
        """The only process."""
        (process,) = self.recording.processes
        return process

    def events(self, kind):
        return [event for process in self.processes for event in process.events if event["e"] == kind]

    def stalls(self):
        """The last line of each stall made by `stalling.hold` or the program's function `stall`; a busy machine adds others."""
        return [stall for process in self.processes for stall in stalls_of(process)]

    def stalls_by_process(self):
        """How many there are in each process, the fewest first."""
        return sorted(len(stalls_of(process)) for process in self.processes)


def stalls_of(process):
    last = {(event["loop"], event["id"]): event for event in process.events if event["e"] == "stall"}
    return [stall for stall in last.values() if any(is_ours(process, group) for group in stall["samples"])]


def is_ours(process, group):
    stack = process.stacks.get(group.get("stack"), ())
    return any((os.path.basename(frame.file), frame.function) in STALLING for frame in stack)


@pytest.fixture
def recording_folder(tmp_path):
    return create("program", root=tmp_path / "recordings")


@pytest.fixture(params=["python", "native"])
def tier(request):
    """Both tiers; the native one only where the C core works here."""
    if request.param == "native":
        try:
            choose("native")
        except NotAvailable as error:
            pytest.skip(str(error))
    return request.param


@pytest.fixture
def environment(recording_folder):
    """Make the environment of a watched program: what this process was told of unjam is no part of it."""
    not_theirs = {"PYTHONPATH", "PYTEST_CURRENT_TEST"}

    def make(tier="", **more):
        inherited = {name: value for name, value in os.environ.items() if name not in not_theirs} | more
        return child_environment(inherited, folder=recording_folder, threshold_ns=THRESHOLD_NS, tier=tier)

    return make


@pytest.fixture
def watched(environment, recording_folder, tmp_path):
    """Run a program to its end: `watched(source)` as a script, `watched(args=[...])` as a command."""

    def run(source="", *, args=None, tier="", python=sys.executable, env=None):
        script = tmp_path / "program.py"
        script.write_text(textwrap.dedent(source))
        shutil.copy(BESIDE, tmp_path)
        done = subprocess.run(
            args or [python, str(script)],
            env=environment(tier, **(env or {})),
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr, read(recording_folder))

    return run


def pytest_configure(config):
    """A shell's background job ignores Ctrl-C, and the programs under test would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
