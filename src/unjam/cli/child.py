r"""The watched command as a child: it keeps the terminal, stdin and its process group, gets our signals, and ends as it ends.

terminal --Ctrl-C, Ctrl-Z, Ctrl-\, resize--> the whole foreground group: the child has it already
kill PID, a supervisor --TERM, HUP, INT ...--> us alone: sent on to the child
the child stops itself for the terminal  -->   we stop too, so that the shell gets its prompt back
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from unjam.errors import UsageError

SHELL = "/bin/sh"
"""What runs a script without a first line that names its interpreter, as execvp(3) and every shell do."""


WAITED = frozenset(
    getattr(signal, name)
    for name in (
        "SIGCHLD",
        "SIGINT",
        "SIGTERM",
        "SIGHUP",
        "SIGQUIT",
        "SIGUSR1",
        "SIGUSR2",
        "SIGALRM",
        "SIGWINCH",
        "SIGCONT",
        "SIGTSTP",
    )
    if hasattr(signal, name)
)
"""Signals that somebody may send to us and mean the child by."""

FOLLOWED = frozenset(getattr(signal, name) for name in ("SIGTSTP", "SIGTTIN", "SIGTTOU") if hasattr(signal, name))
"""Stops that come from the terminal's job control; after a SIGSTOP for the child alone we stay and wait."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its pid, its exit code or minus the number of the signal that killed it, and when (monotonic ns)."""

    pid: int
    code: int
    at_ns: int


def resolve(command: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """The command with its program's path; a module, some code or a plain script gets the Python on PATH before it.

    Raises UsageError where there is no such program.
    """
    program = command[0]
    path = environ.get("PATH")
    if program in {"-m", "-c"}:
        return [python(path), *command]
    found = shutil.which(program, path=path)
    if found is not None:
        return [found, *command[1:]]
    if program.endswith((".py", ".pyw")) and Path(program).is_file():
        return [python(path), *command]
    if Path(program).is_dir():
        raise UsageError(f"cannot run {program}: it is a folder")
    if Path(program).exists():
        raise UsageError(f"cannot run {program}: it is not executable")
    raise UsageError(f"cannot run {program}: command not found")


def python(path: str | None) -> str:
    """The Python that the user's shell would start, else the one that runs unjam."""
    return shutil.which("python", path=path) or shutil.which("python3", path=path) or sys.executable


def run(command: list[str], environ: Mapping[str, str]) -> Ended:
    """Run a resolved command to its end.

    Raises UsageError where the program cannot be started.
    """
    try:
        return _Child(command, environ).wait() if hasattr(signal, "sigwaitinfo") else _plain(command, environ)
    except OSError as error:
        raise UsageError(f"cannot run {command[0]}: {error.strerror}") from None


class _Child:
    """A child on Linux. All signals that concern it are blocked and waited for, so that none interrupts us half-way."""

    def __init__(self, command: list[str], environ: Mapping[str, str]) -> None:
        self.mask = signal.pthread_sigmask(signal.SIG_BLOCK, WAITED)
        try:
            self.pid = self._spawn(command, environ)
        except BaseException:
            signal.pthread_sigmask(signal.SIG_SETMASK, self.mask)
            raise

    def _spawn(self, command: list[str], environ: Mapping[str, str]) -> int:
        # Python ignores these two in itself; what it starts is to find them as any program does.
        defaults = (signal.SIGPIPE, signal.SIGXFSZ)
        try:
            return os.posix_spawn(command[0], command, environ, setsigmask=self.mask, setsigdef=defaults)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
        return os.posix_spawn(SHELL, [SHELL, *command], environ, setsigmask=self.mask, setsigdef=defaults)

    def wait(self) -> Ended:
        """Serve signals until the child has ended."""
        try:
            while True:
                info = signal.sigwaitinfo(WAITED)
                if info.si_signo != signal.SIGCHLD:
                    self._forward(info)
                elif (code := self._reap()) is not None:
                    return Ended(self.pid, code, time.monotonic_ns())
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, self.mask)

    def _forward(self, info: signal.struct_siginfo) -> None:
        # A positive code means that the kernel made it: for us that is the terminal, which told the child as well.
        if info.si_code <= 0:
            os.kill(self.pid, info.si_signo)

    def _reap(self) -> int | None:
        """Take note of every change in a child; returns the exit code once ours has ended."""
        code = None
        while True:
            try:
                # Any child: as the first process of a container we inherit every orphan.
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return code
            if not pid:
                return code
            if pid == self.pid and os.WIFSTOPPED(status):
                if os.WSTOPSIG(status) in FOLLOWED:
                    _stop(os.WSTOPSIG(status))
            elif pid == self.pid:
                code = os.waitstatus_to_exitcode(status)


def _stop(number: int) -> None:
    """Stop as the child has stopped; returns when somebody lets us go on."""
    os.kill(os.getpid(), number)
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _plain(command: list[str], environ: Mapping[str, str]) -> Ended:
    """Without sigwaitinfo (macOS, Windows) it cannot be told who sent a signal: Ctrl-C is left to the terminal."""

    def forward(number: int, _: object) -> None:
        if number != signal.SIGINT:
            child.send_signal(number)

    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    with subprocess.Popen(command, env=environ) as child:  # noqa: S603  running what the user typed is the job
        # Handlers, not SIG_IGN: what is ignored stays ignored in the child, too.
        before = {number: signal.signal(number, forward) for number in numbers}
        try:
            return Ended(child.pid, child.wait(), time.monotonic_ns())
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def end_like(code: int) -> int:
    """End as the child did: the same exit code, or the same signal, without a core file of ours; returns what a shell says.

    A signal does not return, unless it cannot end us.
    """
    if code >= 0:
        return code
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        if -code not in {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return 128 - code
