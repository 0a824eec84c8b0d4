"""unjam finds what blocks a Python event loop, proves why, shows who waited, and helps to fix it.

    cli, integrations      the edges: one file a command or a framework
    monitor, control       the inside of a watched process, and its socket
    reports                a session -> bytes
    diagnosis, static      events -> findings; source -> findings
    probes, recording      what observes; events at rest
    native, knowledge      the C core and its twin; facts about calls and rules
    model                  the nouns
    errors, failure        every exception; how our own failure is told
    bridge                 an island: bounded pools and channels between threads and loops

A layer may import the layers below it only; docs/architecture.md draws it.

PYTEST_DONT_REWRITE: pytest warns of plugins that were imported before it could rewrite their assertions, which is an error where its
warnings are; `unjam run -- pytest` imports this first, and there is nothing to rewrite.
"""

from __future__ import annotations

__version__ = "0.1.0"

__all__ = ["__version__", "allow", "install", "on_stall", "uninstall", "watch"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from unjam.allowing import allow
    from unjam.callbacks import on_stall
    from unjam.monitor import install, uninstall
    from unjam.watching import watch

_HOMES = {
    "allow": "allowing",
    "install": "monitor",
    "uninstall": "monitor",
    "on_stall": "callbacks",
    "watch": "watching",
}


def __getattr__(name: str) -> object:
    """Import what is asked for when it is first asked for: `import unjam` alone costs next to nothing."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"unjam.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return list(__all__)
