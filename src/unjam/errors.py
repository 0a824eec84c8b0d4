"""Every exception that unjam raises on purpose, in one tree.

UnjamError
├── UsageError (ValueError)          the user asked for something that cannot be: exit code 2
├── RecordingError                   a recording cannot be read
├── NotAvailable                     something this machine or interpreter lacks
└── bridge
    ├── WouldDeadlock (RuntimeError) waiting here could never end
    └── PoolFull (RuntimeError)      a bounded pool refused a call
"""

from __future__ import annotations


class UnjamError(Exception):
    """The root: catching it catches everything that unjam raises on purpose."""


class UsageError(UnjamError, ValueError):
    """The user asked for something that cannot be; its text is one clear line."""


class RecordingError(UnjamError):
    """A recording cannot be read: not there, not one, or of a newer version."""


class NotAvailable(UnjamError):
    """This machine or interpreter lacks something; the text names it and the way out."""


class WouldDeadlock(UnjamError, RuntimeError):
    """Waiting here could never end, so it is refused."""


class PoolFull(UnjamError, RuntimeError):
    """A bounded pool has no room for the call."""
