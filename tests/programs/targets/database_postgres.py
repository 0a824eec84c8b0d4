# needs: psycopg2
"""libpq waits for a server that answers late."""

import contextlib
import struct

import psycopg2
from _servers import slow_tcp
from _truth import measured, quiet, run

FIELDS = b"SFATAL\0C53300\0Mtoo many connections\0\0"
REFUSAL = b"E" + struct.pack("!i", len(FIELDS) + 4) + FIELDS


async def main() -> None:
    port = slow_tcp(0.15, REFUSAL)
    await quiet()
    with measured(), contextlib.suppress(psycopg2.OperationalError):
        psycopg2.connect(host="127.0.0.1", port=port, sslmode="disable")  # expect: UJ106 leaf=psycopg2.connect
    await quiet()


run(main())
