"""The command line: one file a command, an explicit tuple of them."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from types import ModuleType

from unjam import __version__
from unjam.cli import check, explain
from unjam.cli.output import drop_stdout, open_missing, say, say_fault
from unjam.cli.parser import Parser, nearest
from unjam.errors import UnjamError, UsageError

COMMANDS: tuple[ModuleType, ...] = (check, explain)
"""Each is a module with NAME, a docstring that is its help, `add_arguments(parser)` and `run(options) -> int`."""

__all__ = ["COMMANDS", "main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 nothing found, 1 findings, 2 wrong usage or our own error."""
    words = list(sys.argv[1:] if argv is None else argv)
    open_missing()
    try:
        code = _dispatch(words)
        sys.stdout.flush()
    except UnjamError as error:
        say(str(error))
        return 2
    except BrokenPipeError:
        drop_stdout()
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:  # noqa: BLE001  whatever it is, a user is not to see a traceback
        say_fault(error)
        return 2
    return code


def _dispatch(words: Sequence[str]) -> int:
    name = words[0] if words else ""
    if name in {"-h", "--help", "help", ""}:
        print(_overview(), end="")  # noqa: T201  help is what was asked for
        return 0 if name else 2
    if name in {"-V", "--version"}:
        print(f"unjam {__version__}")  # noqa: T201  as above
        return 0
    command = next((command for command in COMMANDS if name == command.NAME), None)
    if command is None:
        names = [command.NAME for command in COMMANDS]
        raise UsageError(f"no command {name!r}{nearest(name, names)}; unjam --help lists them")
    parser = Parser(prog=f"unjam {name}", description=command.__doc__)
    command.add_arguments(parser)
    code: int = command.run(parser.parse_args(words[1:]))
    return code


def _overview() -> str:
    lines = [f"  {command.NAME:<10} {(command.__doc__ or '').partition(chr(10))[0]}" for command in COMMANDS]
    return "\n".join(
        [
            "usage: unjam COMMAND ...",
            "",
            "Find what blocks a Python event loop, prove why, show who waited, and help to fix it.",
            "",
            *lines,
            "",
            "unjam COMMAND --help tells more. Begin with: unjam run -- COMMAND ...",
            "",
        ]
    )
