"""The `Server-Timing` header of a response (www.w3.org/TR/server-timing): what browsers show beside the network's times."""

from __future__ import annotations

from typing import Literal, TypeAlias

from unjam.errors import UsageError
from unjam.integrations.web.request import Request

Detail: TypeAlias = Literal["full", "durations", "off"]
"""`full` names the route that made the request late, `durations` gives the times only, `off` sends nothing."""

DETAILS = ("full", "durations", "off")


def detail_of(value: object) -> Detail:
    """Check what was asked for; raises UsageError where it is none of the three."""
    if value not in DETAILS:
        raise UsageError(f"server_timing {value!r} is not one of {', '.join(DETAILS)}")
    return value  # type: ignore[return-value]


def server_timing(request: Request, detail: Detail) -> bytes:
    """The value of the header as things stand: milliseconds; a time that is not observed is left out, never 0."""
    times = request.timing()
    if request.delays is None or detail != "full":
        return times
    worst = request.late[0].by.translate(UNQUOTABLE).encode("latin-1", "replace")
    return times + b';desc="' + worst + b'"'


UNQUOTABLE = {ord('"'): "'", ord("\\"): "/"} | dict.fromkeys((*range(32), *range(127, 256)), "?")
"""What has no place in a quoted string of a header; a route may hold anything beyond, which is sent as "?"."""
