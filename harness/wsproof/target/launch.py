"""Start a target's server and wait until it is ready, or report why it is not."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from wsproof.errors import TargetError, UsageError
from wsproof.machine.fd_limits import files_of_server
from wsproof.machine.ports import PortState, free_port, http_status, probe_port, require_free_port
from wsproof.net.clock import Deadline
from wsproof.net.endpoint import Endpoint, parse_url
from wsproof.net.redact import redact_command
from wsproof.target.introspect import Interpreter, interpreter, require_app
from wsproof.target.last_exception import quoted_last_lines
from wsproof.target.output_tail import LogFile
from wsproof.target.process import ServerProcess, describe_exit
from wsproof.target.servers import AsgiServer, choose_server, require_server_name
from wsproof.target.target import READY_SCHEMES, Target, TargetKind

START_TIMEOUT_S = 30.0
_HOST = "127.0.0.1"
_POLL_S = 0.03
_READY_WITHOUT_ANSWER_S = 5.0
"""Seconds after which a server that owns the port but never answers a FIN counts as ready.

Few servers do that, but it is legal.
"""
_PORT_RETRIES = 3
_SHOWN_LINES = 12


@dataclass(frozen=True)
class Launch:
    """The plan for starting a server; the port is chosen later.

    `installed` and `server` are set for an ASGI app only.
    """

    name: str
    target: Target
    host: str
    fixed_port: int | None = None
    installed: Interpreter | None = None
    server: AsgiServer | None = None

    def command(self, port: int) -> tuple[str, ...]:
        """Return the command line for this port."""
        if self.server is None:
            return tuple(part.replace("{port}", str(port)) for part in self.target.command)
        assert self.target.app is not None
        arguments = self.server.arguments(self.target.app, self.host, port)
        return (self.target.python, "-m", self.server.module, *arguments)

    def shown_command(self, port: int) -> list[str]:
        """Return the command line for display: redacted, and without the path of the interpreter."""
        command = list(self.command(port))
        if self.server is not None:
            command[0] = "python"
        return redact_command(command, self.target.secrets)

    def ready_url(self, port: int) -> str | None:
        """Return the `--ready` URL for this port; None for an ASGI app."""
        url = self.target.ready_url
        return url.replace("{port}", str(port)) if url is not None else None


class PortTaken(TargetError):
    """Another process took the chosen port first."""


def plan_launch(target: Target) -> Launch:
    """Plan how to start `target`. Raises UsageError or TargetError if it cannot be started."""
    if target.kind is TargetKind.COMMAND:
        assert target.ready_url is not None
        ready = parse_url(target.ready_url.replace("{port}", "1"), schemes=READY_SCHEMES)
        return Launch("command", target, ready.host, None if "{port}" in target.ready_url else ready.port)
    require_server_name(target.server)
    installed = interpreter(target.python)
    server = choose_server(target.server, installed, target.app)
    require_app(target)
    return Launch(server.name, target, _HOST, None, installed, server)


def start(
    launch: Launch,
    *,
    port: int | None,
    env: Mapping[str, str],
    timeout_s: float,
    connections: int = 0,
    log: LogFile | None = None,
) -> tuple[ServerProcess, Endpoint]:
    """Start the server and wait until it is ready. Its file descriptor limit is set for `connections`.

    Raises:
        UsageError: the hard limit of file descriptors is too low, or `port` contradicts `--ready`.
        TargetError: the port is in use, or the server ended, or it was not ready in time. The message has its last
            output lines.
    """
    if port is not None and launch.fixed_port not in (None, port):
        raise UsageError(f"--port {port} contradicts --ready, by which the server listens on {launch.fixed_port}")
    files = files_of_server(connections)
    fixed = port if port is not None else launch.fixed_port
    if fixed is not None:
        require_free_port(launch.host, fixed)
        return _start_at(launch, fixed, env, timeout_s, files, log)
    for _ in range(_PORT_RETRIES):
        try:
            return _start_at(launch, free_port(launch.host), env, timeout_s, files, log)
        except PortTaken:
            continue
    return _start_at(launch, free_port(launch.host), env, timeout_s, files, log)


def _start_at(
    launch: Launch, port: int, env: Mapping[str, str], timeout_s: float, files: int, log: LogFile | None
) -> tuple[ServerProcess, Endpoint]:
    target = launch.target
    env = {**dict(target.env), **env}
    secrets = target.with_env(env).secrets
    process = ServerProcess(launch.command(port), cwd=target.cwd, env=env, secrets=secrets, files=files, log=log)
    try:
        _wait_ready(process, launch, port, timeout_s)
    except BaseException:
        process.stop()
        raise
    ready = launch.ready_url(port) or ""
    return process, target.endpoint(Endpoint(launch.host, port, tls=ready.startswith(("wss", "https"))))


def _wait_ready(process: ServerProcess, launch: Launch, port: int, timeout_s: float) -> None:
    deadline = Deadline.after(timeout_s)
    accepted: Deadline | None = None
    last_answer = "nobody listened there"
    while not deadline.passed:
        if process.exit_code is not None:
            raise _ended(process, launch, port)
        answer = probe_port(launch.host, port)
        if answer is not PortState.NOTHING:
            if process.listens_on(port) is False:
                last_answer = "a process that is not ours listened there (a daemon, a container?)"
            elif answer is PortState.ANSWERED or (accepted is not None and accepted.passed):
                status = _ready_status(launch, port)
                if status is None:
                    return
                last_answer = status
            else:
                accepted = accepted or Deadline.after(_READY_WITHOUT_ANSWER_S)
                last_answer = "it accepted connections but did nothing with them"
        time.sleep(_POLL_S)
    raise TargetError(
        f"expected {launch.name} to listen on {launch.host}:{port} within {timeout_s:g} s, but {last_answer}."
        f"{_last_lines(process)}\nTry it by hand: {shlex.join(launch.shown_command(port))}"
    )


def _ready_status(launch: Launch, port: int) -> str | None:
    """Return None if the ready URL answers with a status below 500, else a clause that says what happened."""
    url = launch.ready_url(port)
    if url is None or not url.startswith("http"):
        return None
    target = launch.target
    status = http_status(
        replace(
            parse_url(url, schemes=READY_SCHEMES),
            ca=target.ca,
            insecure=target.insecure,
            cert=target.cert,
            key=target.key,
        )
    )
    if status is not None and status < 500:
        return None
    return f"the ready URL answered {status if status is not None else 'nothing'}"


def _ended(process: ServerProcess, launch: Launch, port: int) -> TargetError:
    process.output.wait_end(1.0)
    code = process.exit_code
    assert code is not None
    output = "\n".join(process.output.lines(_SHOWN_LINES * 4))
    kind = PortTaken if "address already in use" in output.lower() or "Errno 98" in output else TargetError
    return kind(
        f"expected {launch.name} to listen on {launch.host}:{port}, but it {describe_exit(code)}."
        f"{_last_lines(process)}\nTry it by hand: {shlex.join(launch.shown_command(port))}"
    )


def _last_lines(process: ServerProcess) -> str:
    return quoted_last_lines(process.output.lines(_SHOWN_LINES * 2), _SHOWN_LINES)
