"""Ends that no exit handler is told of: os._exit, exec, and a deadly signal that the process sends to itself.

Servers end by such a signal: once they have shut down they raise again the one that asked them to, so that who sent it sees it done.
"""

from __future__ import annotations

import os
import sys

from unjam.failure import report_failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any, Protocol

    from unjam.probes.patching import ImportWatch, Patches

    class Recorder(Protocol):
        """Who has something to write before the process is gone."""

        def end(self) -> None:
            """The process exits."""

        def before_exec(self) -> None:
            """Another program takes its place."""

        def after_failed_exec(self) -> None:
            """That program could not be started."""

        def before_deadly_signal(self) -> None:
            """It is about to send itself a signal that ends it."""


HARMLESS = ("SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU")
"""Signals whose default action does not end a process (signal(7))."""


class ExitHooks:
    """Tells the recorder before the process ends in one of these ways."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def install(self, patches: Patches, imports: ImportWatch) -> None:
        """Replace the functions; who imported one of them before keeps the original."""
        patches.replace(os, "_exit", self._ending)
        patches.replace(os, "execv", self._replacing)
        patches.replace(os, "execve", self._replacing)
        patches.replace(os, "kill", self._killing)
        imports.when_imported("signal", lambda module: patches.replace(module, "raise_signal", self._raising))

    def _ending(self, original: Callable[[int], None]) -> Callable[[int], None]:
        def _exit(status: int) -> None:
            self._recorder.end()
            original(status)

        return _exit

    def _replacing(self, original: Callable[..., None]) -> Callable[..., None]:
        """Exec fails for each folder of PATH that has no such program: only one that can work is told."""

        def replace(path: Any, *args: Any, **words: Any) -> None:
            known = isinstance(path, (str, bytes, os.PathLike)) and os.access(path, os.X_OK)
            if known:
                self._recorder.before_exec()
            try:
                original(path, *args, **words)
            except BaseException:
                if known:
                    self._recorder.after_failed_exec()
                raise

        return replace

    def _killing(self, original: Callable[..., None]) -> Callable[..., None]:
        def kill(*args: Any, **words: Any) -> None:
            if len(args) == 2 and type(args[0]) is int and args[0] == os.getpid():  # noqa: PLR2004 -- pid and signal
                self._tell(args[1])
            original(*args, **words)

        return kill

    def _raising(self, original: Callable[..., None]) -> Callable[..., None]:
        def raise_signal(*args: Any) -> None:
            if len(args) == 1:
                self._tell(args[0])
            original(*args)

        return raise_signal

    def _tell(self, number: Any) -> None:
        try:
            if _is_deadly(number):
                self._recorder.before_deadly_signal()
        except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
            report_failure("the end of the recording may be missing", error)


def _is_deadly(number: Any) -> bool:
    """Whether that signal ends the process: its action is the default one, and the default is not to go on."""
    signals: ModuleType | None = sys.modules.get("signal")
    if signals is None or not isinstance(number, int) or not 0 < number < signals.NSIG:
        return False
    harmless = any(number == getattr(signals, name, None) for name in HARMLESS)
    return not harmless and signals.getsignal(number) is signals.SIG_DFL
