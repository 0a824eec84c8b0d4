"""The real thread, poll and sleep of the interpreter, where gevent or eventlet has put green ones in their place."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any


def original(module: str, name: str) -> Any:
    """Return an attribute of a standard module as it was before any monkey patching."""
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None:
        return gevent.get_original(module, name)
    eventlet = sys.modules.get("eventlet.patcher")
    if eventlet is not None:
        return getattr(eventlet.original(module), name)
    return getattr(import_module(module), name)
