"""The command line: one file a command, an explicit tuple of them."""

from __future__ import annotations

import ast
import importlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from unjam import __version__
from unjam.cli.output import drop_stdout, open_missing, say, say_fault
from unjam.cli.parser import Parser
from unjam.errors import UnjamError, UsageError
from unjam.knowledge.nearest import nearest

COMMANDS = ("run", "report", "why", "hang", "top", "timeouts", "check", "explain", "doctor")
"""Each is a module here with a docstring that is its help, `add_arguments(parser)` and `run(options) -> int`.

Only the one that is asked for is imported: a watched program starts after what `unjam run` needs, not after all that there is.
"""

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
    if name not in COMMANDS:
        raise UsageError(f"no command {name!r}{nearest(name, COMMANDS)}; unjam --help lists them")
    command = importlib.import_module(f"unjam.cli.{name}")
    parser = Parser(prog=f"unjam {name}", description=command.__doc__)
    command.add_arguments(parser)
    code: int = command.run(parser.parse_args(words[1:]))
    return code


def _overview() -> str:
    lines = [f"  {name:<10} {_sentence(name)}" for name in COMMANDS]
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


def _sentence(name: str) -> str:
    """The first line of a command's docstring, read without importing what the command needs."""
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
