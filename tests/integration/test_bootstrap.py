"""Laws of the bootstrap folder: every Python below is watched or steps aside, and nobody notices."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import unjam
from unjam.children import BOOTSTRAP, child_environment

PACKAGE = Path(unjam.__file__).parent
VERSIONS = Path.home() / ".pyenv" / "versions"


def pythons(*versions):
    found = [path for version in versions for path in sorted(VERSIONS.glob(f"{version}.*/bin/python"))]
    return found or [pytest.param(None, marks=pytest.mark.skip(reason=f"none of {versions} in {VERSIONS}"))]


OLD = pythons("2.7", "3.6", "3.10")
OTHERS = pythons(*(f"3.{minor}" for minor in (11, 12, 13) if minor != sys.version_info.minor))


def test_a_process_without_a_loop_leaves_a_header_and_an_end(watched):
    """That no loop ever ran can be told from not having watched."""
    outcome = watched("print('hello')")
    assert (outcome.status, outcome.out, outcome.err) == (0, "hello\n", "")
    assert outcome.process.header["tier"] == ""
    assert outcome.process.header["program"] == "program.py"
    assert [event["e"] for event in outcome.process.events] == ["end"]


def test_nothing_heavy_is_imported_on_our_account(watched, tmp_path):
    """A program that does not use asyncio does not pay for it, nor for what it imports."""
    heavy = {"asyncio", "threading", "json", "re", "typing", "dataclasses", "pathlib", "concurrent", "importlib.abc"}
    source = "import sys; print(*sys.modules)"
    bare = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, cwd=tmp_path)
    outcome = watched(source)
    assert heavy & set(outcome.out.split()) - set(bare.stdout.split()) == set()


def test_traces_are_removed_and_children_keep_the_environment(watched):
    """The folder is gone from sys.path, but a child process of the program is watched as well."""
    outcome = watched(
        """
        import subprocess, sys
        assert not any("_bootstrap" in path for path in sys.path), sys.path
        assert not any("_bootstrap" in path for path in sys.path_importer_cache), sys.path_importer_cache
        subprocess.run([sys.executable, "-c", "import asyncio; asyncio.run(asyncio.sleep(0))"], check=True)
        """
    )
    assert (outcome.status, outcome.err) == (0, "")
    assert sorted(process.header["program"] for process in outcome.processes) == ["-c", "program.py"]
    assert len(outcome.events("loop")) == 1


@pytest.mark.parametrize("option", ["-S", "-I", "-E"])
def test_an_isolated_python_is_simply_absent(watched, option):
    """Where Python is told to ignore the environment, it does: the process has no file."""
    outcome = watched(args=[sys.executable, option, "-c", "print(1)"])
    assert (outcome.status, outcome.out, outcome.err) == (0, "1\n", "")
    assert outcome.processes == []


def test_the_users_own_sitecustomize_runs_once_with_its_spec(watched, tmp_path):
    """The next sitecustomize on the path runs exactly once, and is what the program gets when it asks."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("print('mine', __spec__.origin, __name__)\nVALUE = 7\n")
    source = "import sitecustomize, sys\nprint(sitecustomize.VALUE, sys.modules['sitecustomize'].__spec__.origin)"
    outcome = watched(source, env={"PYTHONPATH": str(own)})
    mine = str(own / "sitecustomize.py")
    assert outcome.out.splitlines() == [f"mine {mine} sitecustomize", f"7 {mine}"]
    assert outcome.err == ""
    assert outcome.process.header["program"] == "program.py"


def test_a_sitecustomize_that_fails_fails_as_it_would_without_us(watched, tmp_path):
    """What Python says about a broken sitecustomize is still said, and the program still runs."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("raise ValueError('broken on purpose')\n")
    outcome = watched("print('ran')", env={"PYTHONPATH": str(own)})
    assert outcome.out == "ran\n"
    assert "Error in sitecustomize" in outcome.err
    assert "broken on purpose" in outcome.err
    assert len(outcome.processes) == 1


@pytest.mark.parametrize("python", OLD)
def test_an_old_python_runs_as_without_us_and_is_told_in_the_recording(watched, python):
    """A Python that is not supported runs undisturbed; the recording says which one it was."""
    source = "import sys; sys.stdout.write('%%d %%s' %% (%s, 'sitecustomize' in sys.modules))"
    ours = "len([path for path in sys.path if '_bootstrap' in path])"
    bare = subprocess.run([python, "-c", source % "0"], capture_output=True, text=True, check=True)
    outcome = watched(args=[str(python), "-c", source % ours])
    assert (outcome.status, outcome.out, outcome.err) == (0, bare.stdout, "")
    assert outcome.process.header["tier"] == "none"
    assert "is not supported" in outcome.process.header["tier_reason"]


@pytest.mark.parametrize("python", OTHERS)
def test_another_supported_python_gets_the_package_and_nothing_else(watched, python):
    """unjam installed for one Python watches another; nothing else of its environment becomes importable."""
    outcome = watched(
        """
        import asyncio, importlib.util
        from stalling import stall
        asyncio.run(stall())
        import unjam
        print(unjam.__version__, importlib.util.find_spec("import_linter"))
        """,
        python=str(python),
    )
    assert (outcome.status, outcome.out, outcome.err) == (0, f"{unjam.__version__} None\n", "")
    assert len(outcome.stalls()) == 1


def test_a_copy_installed_elsewhere_is_the_one_that_runs(tmp_path, recording_folder):
    """The program gets the unjam that watches it, and nothing that lies beside it."""
    elsewhere = tmp_path / "pipx"
    shutil.copytree(PACKAGE, elsewhere / "unjam", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    (elsewhere / "neighbour.py").write_text("")
    environ = child_environment({"PATH": os.environ["PATH"]}, folder=recording_folder, threshold_ns=10**8)
    environ["PYTHONPATH"] = environ["PYTHONPATH"].replace(BOOTSTRAP, str(elsewhere / "unjam" / "_bootstrap"))
    code = "import unjam, sys; print(unjam.__file__)\ntry:\n import neighbour\nexcept ImportError: print('alone')"
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(elsewhere / "unjam" / "__init__.py"), "alone"]
    assert done.stderr == ""


def test_it_works_in_a_virtual_environment_that_lacks_unjam(watched, tmp_path):
    """The program's own environment needs no unjam, and is the one whose packages count as installed."""
    venv.create(tmp_path / "env", symlinks=True)
    python = tmp_path / "env" / "bin" / "python"
    outcome = watched("import unjam.monitor; print(unjam.monitor.current() is not None)", python=str(python))
    assert (outcome.out, outcome.err) == ("True\n", "")
    assert any(path.startswith(str(tmp_path / "env")) for path in outcome.process.header["site"])


def test_an_impossible_setting_is_one_line_and_the_program_runs(environment):
    """A wrong UNJAM_ variable, which our own command would have refused, costs one line on stderr."""
    environ = environment() | {"UNJAM_THRESHOLD": "fast"}
    done = subprocess.run([sys.executable, "-c", "print(1)"], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
    assert done.stderr.count("\n") == 1
    assert "UNJAM_THRESHOLD 'fast'" in done.stderr
    assert done.stderr.endswith("your program is unaffected\n")


def test_a_recording_folder_that_is_gone_is_one_line(environment, recording_folder):
    """Where nothing can be recorded, the program runs and one line says so."""
    shutil.rmtree(recording_folder)
    done = subprocess.run(
        [sys.executable, "-c", "print(2)"], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "2\n"
    assert done.stderr.count("\n") == 1
    assert "nothing is recorded" in done.stderr


def test_the_child_environment_keeps_the_users_path_behind_ours():
    """PYTHONPATH is ours first, then the user's as it was; asking twice does not add us twice."""
    given = {"PYTHONPATH": "a:b", "X": "1", "UNJAM_TIER": "native"}
    once = child_environment(given, folder="/r", threshold_ns=10**7)
    assert once == {
        "X": "1",
        "UNJAM": "1",
        "UNJAM_DIR": "/r",
        "UNJAM_THRESHOLD": "10ms",
        "PYTHONPATH": f"{BOOTSTRAP}:a:b",
    }
    assert child_environment(once, folder="/r", threshold_ns=10**7) == once
    assert child_environment({}, folder="/r", threshold_ns=10**7)["PYTHONPATH"] == BOOTSTRAP
