"""One event as one line of JSON, without importing `json`, which every Python process below `unjam run` would pay for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

try:
    from _json import encode_basestring_ascii as quote
except ImportError:  # pragma: no cover - CPython without its C accelerators
    from json.encoder import py_encode_basestring_ascii as quote

FORMAT_VERSION = 2
"""The `v` of docs/recording.md: readers refuse a greater one."""

LONGEST_NAME = 200
"""Characters kept of a name that the program chose (task, thread, path): enough to know it by, and bounded."""

_CONSTANTS = {None: "null", True: "true", False: "false"}


def encode(event: dict[str, object]) -> bytes:
    """Return the event as ASCII JSON with a newline; a value that JSON has no form for becomes null."""
    return (_value(event) + "\n").encode("ascii")


def printable(text: object) -> str:
    """Return at most LONGEST_NAME characters of an exact str, control characters escaped; "?" for anything else."""
    if type(text) is not str:
        return "?"
    text = text[:LONGEST_NAME]
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _value(value: object) -> str:
    encoder = _ENCODERS.get(type(value))
    return encoder(value) if encoder else "null"


def _float(value: float) -> str:
    finite = value - value == 0.0
    return repr(value) if finite else "null"


def _object(value: dict[object, object]) -> str:
    return "{" + ",".join(f"{quote(str(key))}:{_value(item)}" for key, item in value.items()) + "}"


def _array(value: list[object] | tuple[object, ...]) -> str:
    return "[" + ",".join([_value(item) for item in value]) + "]"


_ENCODERS: dict[type, Callable[..., str]] = {
    type(None): _CONSTANTS.__getitem__,
    bool: _CONSTANTS.__getitem__,
    int: repr,
    float: _float,
    str: quote,
    dict: _object,
    list: _array,
    tuple: _array,
}
