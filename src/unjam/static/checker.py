"""The type checker as a process: which program it is, how it is started, and how it ends together with us."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from unjam.errors import NotAvailable, UnjamError

SUPPORTED = ((1, 1), (1, 5))
"""Versions of pyrefly that print the same facts: from the first, below the second."""

_OPTIONS = (
    "--report-pysa-format=json",
    "--preset=off",
    "--check-unannotated-defs=true",
    "--infer-return-types=checked",
    "--use-ignore-files=false",
    "--enable-fallback-search-path=true",
    "--disable-project-excludes-heuristics=true",
    "--skip-interpreter-query",
    "--summary=none",
    "--progress-bar=no",
    "--output-format=omit-errors",
)
_KEEPER = Path(__file__).with_name("keeper.py")
_MEMORY_DISK = Path("/dev/shm")  # noqa: S108 - a private folder is made in it; the 40 MB of stub copies stay off the disk


class FactsError(UnjamError):
    """The type checker failed or printed what is not understood; the text says which."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to run the type checker on: the files whose bodies are wanted, and where imports in them are looked up."""

    files: tuple[str, ...]
    roots: tuple[str, ...]
    site_packages: tuple[str, ...]
    python_version: str


def program() -> str:
    """Path of the pyrefly to run: beside the running interpreter, else on PATH. Raises NotAvailable."""
    beside = Path(sys.executable).with_name("pyrefly")
    found = str(beside) if beside.exists() else shutil.which("pyrefly")
    if found is None:
        raise NotAvailable("unjam check needs the type checker pyrefly: pip install 'unjam[check]'")
    return found


def state() -> tuple[str, int, int]:
    """What tells the installed pyrefly from another one without starting it: path, size, and time of its last change."""
    try:
        path = program()
        found = Path(path).stat()
    except (NotAvailable, OSError):
        return "", 0, 0
    return path, found.st_size, found.st_mtime_ns


def version(executable: str) -> str:
    """The version that `executable` says it has. Raises NotAvailable outside the supported range."""
    said = subprocess.run([executable, "--version"], capture_output=True, text=True, check=False, timeout=60).stdout  # noqa: S603
    match = re.search(r"(\d+)\.(\d+)\S*", said)
    low, high = SUPPORTED
    if match is None or not low <= (int(match[1]), int(match[2])) < high:
        wanted = f">={low[0]}.{low[1]},<{high[0]}.{high[1]}"
        raise NotAvailable(f"pyrefly {said.strip() or '?'} prints other facts: pip install 'pyrefly{wanted}'")
    return match[0]


def stubs(cache: Path) -> str:
    """A folder with the stubs of third-party packages that pyrefly brings, for packages that are not installed.

    It uses them by itself for installed packages only. It writes them into every output, so one empty run gets them.
    """
    folder = cache / f"stubs-{version(program())}"
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(prefix="unjam-", dir=cache) as empty:
            source = Path(empty, "empty.py")
            source.write_text("")
            run = Run(Request((str(source),), (empty,), (), "3.13"))
            try:
                run.bring_stubs(Path(empty, "stubs"))
                with contextlib.suppress(OSError):  # another process was faster
                    Path(empty, "stubs").rename(folder)
            finally:
                run.close()
    return str(folder)


class Run:
    """One run of the type checker in a process of its own, so that the caller can work meanwhile.

    Its keeper ends it and deletes its output when we close it or are gone ourselves, whatever ends us.
    """

    def __init__(self, request: Request) -> None:
        self.version = version(program())
        memory = _MEMORY_DISK if os.access(_MEMORY_DISK, os.W_OK) else None
        self._folder = Path(tempfile.mkdtemp(prefix="unjam-", dir=memory))
        self.request = request
        # A session of its own: Ctrl-C reaches us, who then close it.
        self._keeper = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", str(_KEEPER), str(self._folder), *self._command()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def _command(self) -> list[str]:
        config = self._folder / "pyrefly.toml"
        config.write_text(f"project-includes = {json.dumps(self.request.files)}\nproject-excludes = []\n")
        command = [program(), "check", f"--config={config}", f"--report-pysa={self.printed}", *_OPTIONS]
        command += [f"--search-path={root}" for root in self.request.roots]
        command += [f"--site-package-path={folder}" for folder in self.request.site_packages]
        command += [f"--python-version={self.request.python_version}", "--python-platform=linux"]
        return command

    @property
    def printed(self) -> Path:
        """The folder with what is printed, from when it begins to be."""
        return self._folder / "out"

    def ended(self, seconds: float) -> bool:
        """Whether it has ended; waits for that so long at most."""
        assert self._keeper.stdout is not None
        return bool(select.select([self._keeper.stdout], [], [], seconds)[0])

    def check(self) -> None:
        """Wait for the end. Raises FactsError where it has not printed all."""
        code = self.wait()
        if not (self.printed / "pyrefly.pysa.json").exists():
            said = (self._folder / "said").read_text(encoding="utf-8", errors="replace")
            raise FactsError(f"pyrefly failed with exit code {code}: {said.strip()[-400:]}")

    def wait(self) -> str:
        """Wait for the end of the type checker, and return its exit code; "" where somebody has killed its keeper."""
        assert self._keeper.stdout is not None
        return self._keeper.stdout.readline().decode().strip()

    def bring_stubs(self, into: Path) -> None:
        """Wait for the end and copy the third-party stubs that every output holds."""
        self.wait()
        shutil.copytree(self.printed / "typeshed_third_party", into)

    def release(self) -> None:
        """Stop the process if it still runs, and let its output be deleted while we go on."""
        for pipe in (self._keeper.stdin, self._keeper.stdout):
            if pipe is not None:
                pipe.close()

    def close(self) -> None:
        """Release it, and wait until its output is deleted."""
        self.release()
        self._keeper.wait()
