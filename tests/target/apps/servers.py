"""Small servers without any framework, for `cmd:` targets: `python servers.py KIND PORT`."""

import os
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


def listen(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen(5)
    return sock


def closes(port: int) -> None:
    """Accept and close at once."""
    with listen(port) as sock:
        while True:
            sock.accept()[0].close()


def stubborn(port: int) -> None:
    """Ignore SIGTERM and SIGINT, also in a child process."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.environ.get("WITH_CHILD"):
        subprocess.Popen([sys.executable, __file__, "stubborn", "0"], env={**os.environ, "WITH_CHILD": ""})
    closes(port)


def silent(port: int) -> None:
    """Run, but never listen."""
    print("thinking about it, token=sesame-street", flush=True)  # noqa: T201
    threading.Event().wait()


def health(port: int) -> None:
    """Answer 503 twice, then 200."""
    remaining = [503, 503]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(remaining.pop() if remaining else 200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            print(format % args, flush=True)  # noqa: T201

    HTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    {"closes": closes, "stubborn": stubborn, "silent": silent, "health": health}[sys.argv[1]](int(sys.argv[2]))
