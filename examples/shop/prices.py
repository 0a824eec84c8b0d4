"""The price service that the shop asks: slow, as the other side tends to be, and busy every second time it is asked for stock.

python prices.py [PORT]
"""

import contextlib
import itertools
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

THINK_S = 0.13


class Handler(BaseHTTPRequestHandler):
    """Answers /prices/ITEM, /stock/ITEM and /catalogue."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    asked_for_stock = itertools.count()

    def do_GET(self) -> None:
        """Think for a while, then answer; a stock question is answered at once, half of the time with "come again"."""
        kind = self.path.split("/")[1]
        if kind == "stock":
            busy = next(self.asked_for_stock) % 2 == 0
            self._answer(503 if busy else 200, {} if busy else {"left": 7})
            return
        time.sleep(THINK_S)
        self._answer(200, {"price": 9.95} if kind == "prices" else {"items": [f"item-{n}" for n in range(200)]})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
        """Say nothing."""

    def _answer(self, status: int, body: dict[str, object]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        with contextlib.suppress(ConnectionError):  # the shop has stopped before its answer came
            self.end_headers()
            self.wfile.write(data)


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
