"""unjam finds what blocks a Python event loop, proves why, shows who waited, and helps to fix it.

    cli, integrations      the edges: one file a command or a framework
    monitor, control       the inside of a watched process, and its socket
    reports                a session -> bytes
    diagnosis, static      events -> findings; source -> findings
    probes, recording      what observes; events at rest
    native, knowledge      the C core and its twin; facts about calls and rules
    model                  the nouns
    errors                 every exception
    bridge                 an island: bounded pools and channels between threads and loops

A layer may import the layers below it only; docs/architecture.md draws it.
"""

from __future__ import annotations

__version__ = "0.1.0"

__all__ = ["__version__"]
