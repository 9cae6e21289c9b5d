"""The faulty server as a process, for tests: what the suite needs of a server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wsproof.net.endpoint import Endpoint

_ROOT = Path(__file__).resolve().parents[2]
_MODULE = "tests.faulty.compressing"


class FaultyServer:
    """One process that has all faults; `with_fault` is a view of it."""

    def __init__(self, module: str = _MODULE, *options: str) -> None:
        self.module, self.options = module, options
        self.owned = True
        self.path = "/"
        self.subprotocols: tuple[str, ...] = ()
        self._start(0)

    def _start(self, port: int) -> None:
        command = [sys.executable, "-m", self.module, "--port", str(port), *self.options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    @property
    def endpoint(self) -> Endpoint:
        """At the path that names the fault."""
        return Endpoint("127.0.0.1", self.port, self.path, subprotocols=self.subprotocols)

    @property
    def pid(self) -> int:
        """The process that has all faults."""
        return self.process.pid

    def with_fault(self, name: str, application: str = "") -> FaultyServer:
        """The same process, at the path of a fault, with an application behind it that is no echo."""
        self.path = f"/{name}?app={application}" if application else f"/{name}"
        return self

    def with_subprotocols(self, *names: str) -> FaultyServer:
        """The same server, for a client that offers these subprotocols."""
        self.subprotocols = names
        return self

    def restart(self) -> None:
        """Start it again, at another port."""
        self.stop()
        self._start(0)

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def faulty_server(module: str = _MODULE, *options: str) -> Iterator[FaultyServer]:
    """The server, for as long as the block lasts."""
    server = FaultyServer(module, *options)
    try:
        yield server
    finally:
        server.stop()
