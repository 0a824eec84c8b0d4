# namespaces
"""A name look-up whose server answers late, in a network of its own."""

import contextlib
import fcntl
import os
import socket
import struct
import sys
import tempfile
import threading
import time

from _truth import measured, quiet, run

SIOCSIFFLAGS, IFF_UP = 0x8914, 1
NXDOMAIN = 0x8183


def enter_own_network() -> None:
    """Start this program again where /etc/resolv.conf is ours and port 53 is free."""
    with tempfile.NamedTemporaryFile("w", delete=False) as conf:
        conf.write("nameserver 127.0.0.1\noptions attempts:1\n")
    script = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
    os.environ["OWN_NETWORK"] = "yes"
    os.execvp("unshare", ["unshare", "-rmn", "sh", "-c", script, "sh", conf.name, sys.executable, __file__])


def answer_late() -> None:
    """Say of every name, after a while, that it does not exist."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        fcntl.ioctl(server, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
        server.bind(("127.0.0.1", 53))
        listening.set()
        while True:
            query, address = server.recvfrom(512)
            time.sleep(0.1)
            server.sendto(query[:2] + struct.pack("!H", NXDOMAIN) + query[4:], address)


async def main() -> None:
    await quiet()
    with measured(), contextlib.suppress(socket.gaierror):
        socket.getaddrinfo("slow.example", 80)  # expect: UJ105 leaf=socket.getaddrinfo
    await quiet()


if "OWN_NETWORK" not in os.environ:
    enter_own_network()
listening = threading.Event()
threading.Thread(target=answer_late, daemon=True).start()
listening.wait()
run(main())
