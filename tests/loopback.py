"""Addresses of this machine for the servers of tests."""

import itertools
import os
import socket
import sys

_numbers = itertools.count()


def own_address():
    """Return host and port that nobody else is given before the server has bound them: each call has a host of its own.

    All of 127.0.0.0/8 is this machine on Linux; elsewhere it is 127.0.0.1, and another process may be faster.
    """
    pid, number = os.getpid(), next(_numbers)
    host = f"127.{1 + pid // 250 % 250}.{1 + pid % 250}.{1 + number % 250}" if sys.platform == "linux" else "127.0.0.1"
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()
