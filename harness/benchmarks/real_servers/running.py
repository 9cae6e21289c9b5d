"""A running server of the corpus, on a free port of loopback, with its output in a file."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.real_servers.environments import PROGRAMS, programs_of
from benchmarks.real_servers.server import RealServer
from wsproof.machine.ports import free_port

HOST = "127.0.0.1"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 5.0
_POLL_S = 0.2


class DidNotStart(Exception):
    """The server accepted no handshake. The message has its last lines."""


@dataclass(frozen=True)
class Running:
    """A running server: its URL, the options of its check, and its process."""

    url: str
    options: tuple[str, ...]
    process: subprocess.Popen[bytes]


@contextmanager
def running(server: RealServer, by_name: Mapping[str, RealServer], folder: Path) -> Iterator[Running]:
    """Start the server, and the server behind it if it is a proxy. Both end with the block."""
    with ExitStack() as stack:
        backend = 0
        if server.behind is not None:
            behind = stack.enter_context(running(by_name[server.behind], by_name, folder / "backend"))
            backend = int(behind.url.split(":")[2].split("/")[0])
        yield stack.enter_context(_started(server, backend, folder))


@contextmanager
def _started(server: RealServer, backend: int, folder: Path) -> Iterator[Running]:
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port(HOST)
    values = {
        "port": str(port),
        "backend": str(backend),
        "folder": str(folder),
        "bin": str(programs_of(server.environment)),
        "programs": str(PROGRAMS),
        "config": str(folder / (server.config or "")),
    }
    if server.config is not None:
        text = (PROGRAMS / "conf" / server.config).read_text(encoding="utf-8")
        (folder / server.config).write_text(filled(text, values), encoding="utf-8")
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [filled(word, values) for word in server.command],
            cwd=folder,
            env={**os.environ, **{key: filled(value, values) for key, value in server.env.items()}},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        options = tuple(filled(word, values) for word in server.options)
        _wait_until_ready(port, server.path, options, process, log)
        yield Running(f"ws://{HOST}:{port}{server.path}", options, process)
    finally:
        _end(process)


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with each `{name}` that has a value replaced by the value. Other braces stay."""
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _wait_until_ready(
    port: int, path: str, options: tuple[str, ...], process: subprocess.Popen[bytes], log: Path
) -> None:
    answer = ""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        if (answer := _answer(port, _handshake(port, path, options))).startswith("HTTP/1.1 101"):
            return
        time.sleep(_POLL_S)
    tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])
    raise DidNotStart(f"no 101; last answer {answer[:200]!r}; exit code {process.poll()}; last lines:\n{tail}")


def _handshake(port: int, path: str, options: tuple[str, ...]) -> bytes:
    """A plain opening handshake; headers and subprotocols as `wsproof check` will send them."""
    pairs = list(zip(options[::2], options[1::2], strict=True))
    own = [value for option, value in pairs if option == "--header"]
    offered = ", ".join(value for option, value in pairs if option == "--subprotocol")
    lines = [
        f"GET {path} HTTP/1.1",
        *([] if any(line.lower().startswith("host:") for line in own) else [f"Host: {HOST}:{port}"]),
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *own,
        *([f"Sec-WebSocket-Protocol: {offered}"] if offered else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _answer(port: int, request: bytes) -> str:
    try:
        with socket.create_connection((HOST, port), 5) as sock:
            sock.sendall(request)
            return sock.recv(4096).decode("latin-1")
    except OSError as error:
        return str(error)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the whole process group. Processes that ignore SIGTERM are killed."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):  # all have ended
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT_S)
    process.wait()
