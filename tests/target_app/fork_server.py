"""Forks servers: `python -m tests.target_app.fork_server FD`. Loading its libraries is most of a server's start, and is
done once here for all of them. Each server is a process of its own, and runs its command as `python -m` would.

An order arrives on the socket FD as two descriptors: the order's own socket and the server's log. A process is forked
for it, reads the rest from that socket as one line of JSON, forks the server, sends back its pid, waits for its end and
sends back its return code as `subprocess` has it. The end of FD ends this process.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import socket
import sys
from importlib import import_module

LIBRARIES = (
    "cryptography.hazmat.primitives.asymmetric.rsa",
    "fastapi.staticfiles",
    "pydantic.v1",
    "redis.asyncio",
    "structlog",
    "uvicorn.main",
    "uvicorn.lifespan.on",
    "uvloop",
)
OURS = (
    "target_app.admin",
    "target_app.asyncapi",
    "target_app.channels",
    "target_app.direct",
    "target_app.fallback",
    "target_app.handshake_policy",
    "target_app.lite.server",
    "target_app.login",
    "target_app.logs",
    "target_app.metrics_http",
    "target_app.services",
    "target_app.site_policy",
    "target_app.startup",
    "target_app.stopping",
    "target_app.web",
)
"""The modules of the servers, without those that read settings at import."""


def wait_for_orders(orders: socket.socket) -> str | None:
    """Fork for each order. Returns the module to run (in the servers only), or None after the last order."""
    while True:
        _, descriptors, _, _ = socket.recv_fds(orders, 1, 2)
        if not descriptors:
            return None
        order, log = socket.socket(fileno=descriptors[0]), descriptors[1]
        if os.fork() == 0:
            orders.close()
            return _start(order, log)
        order.close()
        os.close(log)


def _start(order: socket.socket, log: int) -> str:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with order.makefile("r") as lines:
        command: list[str]
        command, environment = json.loads(lines.readline())
    server = os.fork()
    if server:
        os.close(log)
        _report(order, server)
    order.close()
    for standard in (1, 2):
        os.dup2(log, standard)
    os.close(log)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = command
    return command[0]


def _report(order: socket.socket, server: int) -> None:
    """Send the pid, and later the return code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    order.sendall(f"{server}\n".encode())
    _, status = os.waitpid(server, 0)
    order.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the processes that report are not waited for
    for name in (*LIBRARIES, *OURS):
        import_module(name)
    try:
        module = wait_for_orders(socket.socket(fileno=int(sys.argv[1])))
    except KeyboardInterrupt:
        return
    if module is not None:
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
