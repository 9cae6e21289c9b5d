"""The faulty server as a process, with the interface that the suite expects of a server."""

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
    """One process with all faults. `with_fault` returns a view of it."""

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
        """The endpoint at the path that names the fault."""
        return Endpoint("127.0.0.1", self.port, self.path, subprotocols=self.subprotocols)

    @property
    def pid(self) -> int:
        """The id of the process with all faults."""
        return self.process.pid

    def with_fault(self, name: str, application: str = "") -> FaultyServer:
        """Return the same process at the path of a fault, with an application other than the echo behind it."""
        self.path = f"/{name}?app={application}" if application else f"/{name}"
        return self

    def with_subprotocols(self, *names: str) -> FaultyServer:
        """Return the same server, for a client that offers these subprotocols."""
        self.subprotocols = names
        return self

    def restart(self) -> None:
        """Start the process again, at another port."""
        self.stop()
        self._start(0)

    def stop(self) -> None:
        """Stop the process."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def faulty_server(module: str = _MODULE, *options: str) -> Iterator[FaultyServer]:
    """Run the server for the duration of the block."""
    server = FaultyServer(module, *options)
    try:
        yield server
    finally:
        server.stop()
