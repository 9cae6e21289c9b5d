"""Processes that are forked from one that has imported their modules; see `fork_server.py`."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[1]


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
                reply = self._order.recv(32)
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0) from None
            self._order.close()
            self._returncode = int(reply)
        return self._returncode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class ForkServer:
    """The process that forks others. It starts with the first of them, and ends with this process."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._modules = modules

    def fork(
        self, command: Sequence[str], environment: Mapping[str, str], out: IO[bytes], err: IO[bytes], cwd: Path = ROOT
    ) -> ForkedProcess:
        """Run `python -m` with this command in a separate process."""
        order, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._orders, [b"x"], [theirs.fileno(), out.fileno(), err.fileno()])
        order.sendall(json.dumps([list(command), dict(environment), str(cwd)]).encode() + b"\n")
        return ForkedProcess(int(_line(order)), order)

    @cached_property
    def _orders(self) -> socket.socket:
        orders, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "tests.fork_server", str(theirs.fileno()), *self._modules]
            process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])

        def end() -> None:
            orders.close()
            process.wait()

        atexit.register(end)
        return orders


def _line(order: socket.socket) -> str:
    line = b""
    while not line.endswith(b"\n"):
        byte = order.recv(1)
        assert byte, "the fork server is gone"
        line += byte
    return line.decode()
