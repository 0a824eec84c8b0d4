"""What importing costs the program under observation."""

import subprocess
import sys

import pytest

WATCHED = (
    "unjam.errors",
    "unjam.model",
    "unjam.knowledge",
    "unjam.native",
    "unjam.probes",
    "unjam.recording",
    "unjam.diagnosis",
    "unjam.monitor",
    "unjam.control.server",
    "unjam.bridge",
    "unjam.integrations.metrics",
)
"""What runs inside a watched process (docs/architecture.md)."""

IMPORT_ALL = """
import importlib, pkgutil, sys

class OnlyStandardLibrary:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top != "unjam" and top not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"third-party import: {name}")
        return None

sys.meta_path.insert(0, OnlyStandardLibrary())
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(getattr(package, "__path__", []), package.__name__ + "."):
    importlib.import_module(module.name)
"""

# site packages with .pth files (setuptools, editable installs) bring their own imports: what counts is the difference.
ADDED = """
import sys
before = set(sys.modules)
import unjam
print(" ".join(sorted(set(sys.modules) - before)))
"""


def python(*arguments, cwd=None):
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("package", WATCHED)
def test_what_is_watched_gets_the_standard_library_only(package):
    """No module that runs inside a watched process imports a third-party package."""
    python("-c", IMPORT_ALL, package)


def test_importing_unjam_starts_nothing():
    """`import unjam` brings neither asyncio nor threads nor a command line into a program."""
    added = set(python("-c", ADDED).split())
    assert added & {"asyncio", "threading", "argparse", "rich", "uvloop", "subprocess", "json"} == set()


def test_installing_imports_nothing_heavy(tmp_path):
    """A program that does not use asyncio yet waits for none of what its parts of the watch will need."""
    added = set(python("-c", ADDED.replace("import unjam", "import unjam; unjam.install()"), cwd=tmp_path).split())
    heavy = {
        "asyncio",
        "collections",
        "contextlib",
        "dataclasses",
        "inspect",
        "json",
        "logging",
        "queue",
        "re",
        "shutil",
    }
    assert "unjam.telling" in added
    assert added & (heavy | {"threading", "typing", "unjam.callbacks", "unjam.diagnosis"}) == set()


def test_a_program_is_started_before_its_report_is_imported():
    """`unjam run` needs neither the diagnosis nor rich until the program has ended."""
    modules = set(python("-c", "import sys, unjam.cli.run; print(*sys.modules)").split())
    assert "unjam.cli.child" in modules
    assert modules & {"unjam.diagnosis", "unjam.recording.reader", "rich"} == set()
