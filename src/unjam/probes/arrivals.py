"""When the data came last that a connection has to read, as Linux times it of TCP (tcp(7), TCP_INFO)."""

from __future__ import annotations

import socket
import sys
import time
from typing import Any

CLOSE_WAIT = 8
"""What its first byte is, its state, where the other end has hung up."""

RECEIVED_AT = slice(52, 56)
"""Where `tcpi_last_data_recv` lies in Linux's `tcp_info`: the milliseconds since data came last."""

CLOCK_MONOTONIC_COARSE = 6
"""Of Linux, which the module `time` does not name: the clock that goes on at each tick of the kernel."""

TICK_NS = round(time.clock_getres(CLOCK_MONOTONIC_COARSE) * 1e9) if sys.platform == "linux" else 0
"""How finely Linux times that: 4 ms where it ticks at 250 Hz. A tick may be late by as much."""


def arrived_ns(connection: Any, now_ns: int) -> int | None:
    """When data came last on a connection of TCP; None where that is not known.

    Where none is left, and the other end has hung up, nobody waits: that is as if it came just now.
    """
    if sys.platform != "linux" or connection.family not in {socket.AF_INET, socket.AF_INET6}:
        return None
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, RECEIVED_AT.stop)
        if info[0] == CLOSE_WAIT and not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
            return now_ns
    except OSError:  # it is closed by now
        return None
    return _received_ns(info, now_ns)


def read_ns(transport: Any, now_ns: int) -> int | None:
    """When the data came that a transport, of asyncio or of uvloop, has just read; None where that is not known."""
    if sys.platform != "linux":
        return None
    try:
        connection = socket.socket(fileno=transport.get_extra_info("socket").fileno())
    except (AttributeError, OSError):  # no socket, or closed by now
        return None
    try:
        if connection.family not in {socket.AF_INET, socket.AF_INET6}:
            return None
        return _received_ns(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, RECEIVED_AT.stop), now_ns)
    except OSError:
        return None
    finally:
        connection.detach()  # it stays the transport's


def _received_ns(info: bytes, now_ns: int) -> int:
    return now_ns - 1_000_000 * int.from_bytes(info[RECEIVED_AT], sys.byteorder)
