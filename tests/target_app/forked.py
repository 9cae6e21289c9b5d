"""Server processes that are forked from one that has loaded their libraries; see `fork_server.py`."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]


class ForkedProcess:
    """The part of `subprocess.Popen` that tests need, for a process that is not our child."""

    def __init__(self, pid: int, order: socket.socket) -> None:
        self.pid = pid
        self._order = order
        self._returncode: int | None = None

    def poll(self) -> int | None:
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        if self._returncode is None:
            self._order.settimeout(timeout)
            try:
                said = self._order.recv(32)
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired(f"server {self.pid}", timeout or 0) from None
            self._order.close()
            self._returncode = int(said)
        return self._returncode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def fork(command: Sequence[str], environment: Mapping[str, str], log: IO[bytes]) -> ForkedProcess:
    """Run `python -m` with this command in a separate process. Its output goes to `log`."""
    order, theirs = socket.socketpair()
    with theirs:
        socket.send_fds(_fork_server(), [b"x"], [theirs.fileno(), log.fileno()])
    order.sendall(json.dumps([list(command), dict(environment)]).encode() + b"\n")
    return ForkedProcess(int(_line(order)), order)


def _line(order: socket.socket) -> str:
    line = b""
    while not line.endswith(b"\n"):
        byte = order.recv(1)
        assert byte, "the fork server is gone"
        line += byte
    return line.decode()


@cache
def _fork_server() -> socket.socket:
    """Start the fork server on first use. It ends with this process, or when its socket is closed."""
    orders, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-m", "tests.target_app.fork_server", str(theirs.fileno())]
        process = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()])

    def end() -> None:
        orders.close()
        process.wait()

    atexit.register(end)
    return orders
