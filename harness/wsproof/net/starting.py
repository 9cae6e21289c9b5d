"""Start a target's server and wait until it is ready, or say why it is not."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from wsproof.errors import TargetError
from wsproof.net.clock import Deadline
from wsproof.net.discover import Interpreter, interpreter
from wsproof.net.endpoint import Endpoint, parse_url
from wsproof.net.ports import Answer, free_port, http_status, knock, require_free_port
from wsproof.net.process import ServerProcess, describe_exit
from wsproof.net.redact import redact
from wsproof.net.servers import Server, choose_server, require_server_name
from wsproof.net.target import Target, TargetKind

START_TIMEOUT_S = 30.0
_HOST = "127.0.0.1"
_POLL_S = 0.03
_ACCEPTED_IS_ENOUGH_S = 5.0
"""A server that owns the port but never answers a FIN counts as ready after this long: few do that, legally."""
_PORT_RETRIES = 3
_SHOWN_LINES = 12


@dataclass(frozen=True)
class Launch:
    """What will be started: a command with `{port}` still open, and where it will listen."""

    name: str
    command: tuple[str, ...]
    host: str
    fixed_port: int | None
    ready_url: str | None
    installed: Interpreter | None = None
    server: Server | None = None

    def at(self, port: int) -> tuple[str, ...]:
        """The command line for this port."""
        return tuple(part.replace("{port}", str(port)) for part in self.command)


class PortTaken(TargetError):
    """Somebody else was faster at the port that we had chosen."""


def plan_launch(target: Target) -> Launch:
    """How `target` is started. Raises UsageError or TargetError when it cannot be."""
    if target.kind is TargetKind.COMMAND:
        assert target.ready_url is not None
        ready = parse_url(target.ready_url.replace("{port}", "1"), schemes=("ws", "wss", "http", "https"))
        fixed = None if "{port}" in target.ready_url else ready.port
        return Launch("command", target.command, ready.host, fixed, target.ready_url)
    require_server_name(target.server)
    assert target.app is not None
    installed = interpreter(target.python)
    server = choose_server(target.server, installed)
    # Servers take the port as text anyway; a placeholder keeps one way of filling it in.
    arguments = [part.replace("65535", "{port}") for part in server.arguments(target.app, _HOST, 65_535)]
    command = (target.python, "-m", server.module, *arguments)
    return Launch(server.name, command, _HOST, None, None, installed, server)


def start(
    target: Target, launch: Launch, *, port: int | None, env: Mapping[str, str], timeout_s: float
) -> tuple[ServerProcess, Endpoint]:
    """Start it and wait until it is ready.

    Raises:
        TargetError: the port is in use, or the server ended, or was not ready in time; with its last output lines.
    """
    fixed = port if port is not None else launch.fixed_port
    if fixed is not None:
        require_free_port(launch.host, fixed)
        return _start_at(target, launch, fixed, env, timeout_s)
    for attempt in range(_PORT_RETRIES):
        try:
            return _start_at(target, launch, free_port(launch.host), env, timeout_s)
        except PortTaken:
            if attempt == _PORT_RETRIES - 1:
                raise
    raise AssertionError("unreachable")


def _start_at(
    target: Target, launch: Launch, port: int, env: Mapping[str, str], timeout_s: float
) -> tuple[ServerProcess, Endpoint]:
    command = launch.at(port)
    endpoint = _endpoint(target, launch, port)
    process = ServerProcess(command, cwd=target.cwd, env={**dict(target.env), **env}, secrets=target.secrets)
    try:
        _wait_ready(process, launch, endpoint, port, timeout_s, redact(shlex.join(("python", *command[1:])
                    if launch.server is not None else command), target.secrets))  # fmt: skip
    except BaseException:
        process.stop()
        raise
    return process, endpoint


def _endpoint(target: Target, launch: Launch, port: int) -> Endpoint:
    tls = launch.ready_url is not None and launch.ready_url.partition("://")[0] in {"wss", "https"}
    return target.endpoint(Endpoint(launch.host, port, tls=tls))


def _wait_ready(
    process: ServerProcess, launch: Launch, endpoint: Endpoint, port: int, timeout_s: float, command: str
) -> None:
    deadline = Deadline.after(timeout_s)
    accepted: Deadline | None = None
    seen = "nobody listened there"
    while not deadline.passed:
        if process.exit_code is not None:
            raise _ended(process, launch, port, command)
        answer = knock(launch.host, port)
        if answer is not Answer.NOTHING:
            if process.listens_on(port) is False:
                seen = "a process that is not ours listened there (a daemon, a container?)"
            elif answer is Answer.ANSWERED or (accepted is not None and accepted.passed):
                status = _ready_status(launch, endpoint, port)
                if status is None:
                    return
                seen = status
            else:
                accepted = accepted or Deadline.after(_ACCEPTED_IS_ENOUGH_S)
                seen = "it accepted connections but did nothing with them"
        time.sleep(_POLL_S)
    raise TargetError(
        f"expected {launch.name} to listen on {launch.host}:{port} within {timeout_s:g} s, but {seen}."
        f"{_last_words(process)}\nTry it by hand: {command}"
    )


def _ready_status(launch: Launch, endpoint: Endpoint, port: int) -> str | None:
    """None when the ready URL answers well; else what it did, in words."""
    if launch.ready_url is None or not launch.ready_url.startswith("http"):
        return None
    url = parse_url(launch.ready_url.replace("{port}", str(port)), schemes=("http", "https"))
    status = http_status(replace(url, ca=endpoint.ca, insecure=endpoint.insecure))
    if status is not None and status < 500:
        return None
    return f"the ready URL answered {status if status is not None else 'nothing'}"


def _ended(process: ServerProcess, launch: Launch, port: int, command: str) -> TargetError:
    process.output.wait_end(1.0)
    code = process.exit_code
    assert code is not None
    words = "\n".join(process.output.lines(_SHOWN_LINES * 4))
    kind = PortTaken if "address already in use" in words.lower() or "Errno 98" in words else TargetError
    return kind(
        f"expected {launch.name} to listen on {launch.host}:{port}, but it {describe_exit(code)}."
        f"{_last_words(process)}\nTry it by hand: {command}"
    )


def _last_words(process: ServerProcess) -> str:
    lines = [line for line in process.output.lines(_SHOWN_LINES * 2) if line.strip()][-_SHOWN_LINES:]
    return "".join(["\nIts last lines:", *(f"\n    {line}" for line in lines)]) if lines else " It wrote nothing."
