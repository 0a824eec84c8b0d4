"""The real sleep, poll, lock and thread of the interpreter, where gevent or eventlet puts green ones in their place.

They are taken when this module is imported and kept: a thread of ours that looked them up later could meet gevent or eventlet
half imported by another thread.
"""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def original(module: str, name: str) -> Any:
    """Return an attribute of a standard module as it was before any monkey patching; for use at import."""
    # Without these functions they are still being imported, and have replaced nothing yet.
    of_gevent = getattr(sys.modules.get("gevent.monkey"), "get_original", None)
    if of_gevent is not None:
        return of_gevent(module, name)
    of_eventlet = getattr(sys.modules.get("eventlet.patcher"), "original", None)
    if of_eventlet is not None:
        return getattr(of_eventlet(module), name)
    return getattr(import_module(module), name)


sleep = original("time", "sleep")
start_new_thread = original("_thread", "start_new_thread")
allocate_lock = original("_thread", "allocate_lock")
RLock = original("_thread", "RLock")
get_ident = original("_thread", "get_ident")
