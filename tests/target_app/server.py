"""A server under test: a subprocess on its own port, ready when it answers, stopped by its pid."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.forked import ROOT, ForkedProcess, ForkServer
from tests.target_app.free_port import free_port

DEADLINE = 90.0
"""Deadline in seconds for every wait. Only a failing test waits this long."""

STARTS = ("target_app", "target_app --direct", "target_app.main:app --no-proxy-headers")
"""All documented ways to start the server, as `running` takes them. A test compares them with the README."""

LOCALLY: dict[str, Any] = {"trust_env": False, "timeout": DEADLINE, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
"""Options of httpx for servers of this machine: no proxy, and no loading of certificates for each request."""

LAST_CHARACTERS = 10_000

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
FORK_SERVER = ForkServer((*LIBRARIES, *OURS))

Found = TypeVar("Found")


def wait_until(condition: Callable[[], Found], what: str, deadline: float = DEADLINE) -> Found:
    """Poll until the condition is true, and return its value. The failure names `what` was expected."""
    ends = time.monotonic() + deadline
    while not (answer := condition()):
        assert time.monotonic() < ends, f"not within {deadline} s: {what}"
        time.sleep(0.01)
    return answer


@dataclass(slots=True, eq=False)
class Server:
    """A running server process."""

    process: subprocess.Popen[bytes] | ForkedProcess
    port: int
    output: Path
    tracebacks_expected: str | None = None
    """The reason why its log may contain tracebacks. None: a traceback fails the test."""

    def url(self, path: str, scheme: str = "ws") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def connect(self, path: str) -> ClientConnection:
        """Connect a well-behaved client that reads everything, without compression and with an unlimited queue."""
        return connect(self.url(path), compression=None, max_queue=None, open_timeout=DEADLINE)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url(path, "http"), **LOCALLY)

    def stats(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.get("/stats").json()
        return answer

    def ended(self, why: str) -> int:
        """Return the number of connections that have ended for this reason."""
        return int(self.stats()["ended"].get(why, 0))

    def log(self) -> str:
        return self.output.read_text()

    def log_tail(self) -> str:
        """Return the end of the server's log, for the report of a failed test."""
        return f"The server on port {self.port} has logged:\n{self.log()[-LAST_CHARACTERS:]}"

    def check_log(self) -> None:
        """Fail if the server has logged an unexpected traceback."""
        if self.tracebacks_expected is None:
            assert "Traceback (most recent call last)" not in self.log(), self.log_tail()

    def stop(self) -> int:
        """Send SIGTERM and return the exit status. Fails if the server outlives the deadline."""
        self.process.terminate()
        return self.process.wait(DEADLINE)

    def answers(self) -> bool:
        assert self.process.poll() is None, f"the server has exited:\n{self.log()}"
        try:
            return self.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False


alive: list[Server] = []
"""All servers that are running now."""


def _command(app: str, port: int) -> list[str]:
    """Return the arguments of `python -m`."""
    if "{port}" in app:
        return app.format(port=port).split()
    if ":" not in app:
        return [*app.split(), "--port", str(port)]
    return ["uvicorn", *app.split(), "--port", str(port), "--log-level", "warning"]


def _start(
    command: Sequence[str], environment: Mapping[str, str], log: IO[bytes]
) -> subprocess.Popen[bytes] | ForkedProcess:
    """Fork servers with one process. Several workers and other servers need fresh processes."""
    if command[0] in ("target_app", "target_app.lite", "uvicorn") and "--workers" not in command:
        return FORK_SERVER.fork(command, environment, log, log)
    return subprocess.Popen(
        [sys.executable, "-m", *command], stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, env=environment
    )


PATIENT = {"auth_timeout": 120, "idle_timeout": 300}
"""Settings of all servers: on a busy machine a well-behaved client may take longer than the defaults allow."""


@contextmanager
def running(
    app: str,
    settings: Mapping[str, object],
    port: int = 0,
    arguments: Sequence[str] = (),
    *,
    tracebacks_expected: str | None = None,
    state_home: Path | None = None,
) -> Iterator[Server]:
    """Run a server for the duration of the block. `app` is `target_app` for the module's own command, an import path
    for uvicorn with options of that command, or the whole command of another server with `{port}` in it. Files without
    a configured path are in `state_home`, by default a temporary folder.

    A traceback in its log fails the test, unless `tracebacks_expected` says why there may be some."""
    port = port or free_port()
    variables = {f"TARGET_APP_{name.upper()}": str(value) for name, value in {**PATIENT, **settings}.items()}
    with tempfile.NamedTemporaryFile(suffix=".log") as output, tempfile.TemporaryDirectory() as own:
        variables["XDG_STATE_HOME"] = str(state_home or own)
        process = _start([*_command(app, port), *arguments], {**os.environ, **variables}, output)
        server = Server(process, port, Path(output.name), tracebacks_expected)
        alive.append(server)
        try:
            wait_until(server.answers, f"{app} answers on port {port}")
            yield server
        except BaseException as failed:
            failed.add_note(server.log_tail())
            raise
        finally:
            alive.remove(server)
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(DEADLINE)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        server.check_log()
