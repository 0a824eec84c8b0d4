"""Other sides that are slow, each in a thread of its own."""

import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def slow_http(delay_s: float, body: bytes = b"{}") -> str:
    """Start an HTTP server that thinks before each answer; returns its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(delay_s)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815  the name is the base class's

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    # Nobody shuts it down, so it need not look for that twice a second: one more thread that waits for the GIL could get it instead of the
    # Python tier, which sees a call that kept it only where it is the next.
    threading.Thread(target=server.serve_forever, args=(3600,), name="slow-http", daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


def slow_tcp(delay_s: float, answer: bytes) -> int:
    """Start a TCP server that reads once, thinks, answers and closes; returns its port."""

    def serve(connection: socket.socket) -> None:
        with connection:
            connection.recv(4096)
            time.sleep(delay_s)
            connection.sendall(answer)

    return _listen(serve)


def _listen(serve: Callable[[socket.socket], None]) -> int:
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), name="slow-connection", daemon=True).start()

    threading.Thread(target=accept, name="slow-tcp", daemon=True).start()
    return int(listener.getsockname()[1])
