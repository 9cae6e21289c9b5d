"""A running target: started by us, or already running."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from wsproof.deviations import KnownDeviations
from wsproof.errors import TargetError
from wsproof.model.server_end import ServerEnd
from wsproof.net.budget import Budget
from wsproof.net.connect import connect_socket, is_refused
from wsproof.net.endpoint import Endpoint, parse_url
from wsproof.net.redact import redact
from wsproof.target.header_echo import serve_header_echo
from wsproof.target.known_deviations import known_deviations
from wsproof.target.last_exception import last_exception, last_lines
from wsproof.target.launch import START_TIMEOUT_S, Launch, plan_launch, start
from wsproof.target.output_tail import LogFile, OutputTail
from wsproof.target.process import ServerProcess
from wsproof.target.target import Target

_CONNECT_TIMEOUT_S = 5.0
_LAST_OUTPUT_S = 1.0
"""Maximum seconds to wait for the last output of a dead server. A child process may still hold the pipe."""
_END_LINES = 200
_ECHO_TIMEOUT_S = 5.0
"""Seconds within which a second process must be ready. Servers that are installed here need 0.3 to 1.5 s."""
_REFUSED_S = 1.0
_EXIT_S = 2.0
_APP_LIBRARIES = ("fastapi", "starlette", "uvicorn", "websockets", "uvloop", "httptools", "h11")


class RunningServer:
    """A running server to connect to. Made by `serve`."""

    def __init__(
        self,
        target: Target,
        launch: Launch | None,
        *,
        port: int | None,
        env: Mapping[str, str],
        timeout_s: float = START_TIMEOUT_S,
        connections: int = 0,
    ) -> None:
        self.target = target
        self._launch = launch
        self._port = port
        self._env = dict(env)
        self._timeout_s = timeout_s
        self._connections = connections
        self._process: ServerProcess | None = None
        self._log: LogFile | None = None
        self._ends: list[ServerEnd] = []
        self._stopped = False
        self.budget: Budget | None = None
        """Time budget of the run. A restarted server must be ready within it."""
        installed = launch.installed.versions if launch is not None and launch.installed is not None else None
        self.known_deviations: KnownDeviations = known_deviations(target, self.name, installed)
        """Known deviations of the server library and of the app. A matching finding is marked as accepted."""
        if launch is not None:
            self._process, self._endpoint = self._start(port)
        else:
            assert target.url is not None
            self._endpoint = target.endpoint(parse_url(target.url))
            connect_socket(self._endpoint, _CONNECT_TIMEOUT_S).close()

    @property
    def endpoint(self) -> Endpoint:
        """The address to connect to, with the target's path: "/" while it is unknown."""
        return self._endpoint

    @property
    def name(self) -> str:
        """The entry of SERVERS that runs the target; `command` or `url` for such targets."""
        return self._launch.name if self._launch is not None else "url"

    @property
    def owned(self) -> bool:
        """Whether we started the server, and so may replace it."""
        return self._launch is not None

    @property
    def pid(self) -> int | None:
        """The root of the server's process tree; None for a URL, and after the server has ended."""
        return self._process.pid if self._process is not None and self.is_alive() else None

    @property
    def cores(self) -> int:
        """The number of cores of this machine that the server can use: one per worker, as far as known."""
        if self._process is None:
            return int(self.target.is_here)
        return max(1, self._process.workers(self._endpoint.port))

    def output_tail(self, lines: int = 20) -> list[str]:
        """Return the last output lines, redacted; nothing for a URL."""
        return self._process.output.lines(lines) if self._process is not None else []

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values of the target that must not be shown: its secrets."""
        return self.target.secrets

    @property
    def output(self) -> OutputTail | None:
        """The server's output; None for a URL."""
        return self._process.output if self._process is not None else None

    def last_exception(self) -> tuple[str, ...]:
        """Return the last exception that the current process has written; empty for a URL."""
        return last_exception(self._process.output.since(0)) if self._process is not None else ()

    def keep_output(self, path: Path) -> None:
        """Write the whole output to a file, past and future, restarts included. No effect for a URL."""
        if self._process is not None:
            self._log = LogFile(path)
            self._process.output.keep_in(self._log)

    def ended(self) -> ServerEnd | None:
        """Return how the server's process ended by itself; None while it runs, and for a URL.

        A process that refuses connections has closed its listening socket, so its exit is awaited.
        """
        if self._process is None or self._stopped:
            return None
        if self._process.exit_code is None and is_refused(self._endpoint, _REFUSED_S):
            self._process.wait_exit(_EXIT_S)
        return self._end()

    def _end(self) -> ServerEnd | None:
        if self._process is None or self._stopped or (code := self._process.exit_code) is None:
            return None
        self._process.output.wait_end(_LAST_OUTPUT_S)
        lines = self._process.output.lines(_END_LINES)
        return ServerEnd(code, last_exception(lines) or last_lines(lines))

    @property
    def ends(self) -> tuple[ServerEnd, ...]:
        """The ends of the server's processes so far, the current process included."""
        now = self._end()
        return (*self._ends, *([now] if now is not None else []))

    def is_alive(self) -> bool:
        """Whether the server's process runs; for a URL, whether connections are accepted there."""
        if self._process is not None:
            return self._process.exit_code is None
        try:
            connect_socket(self._endpoint, _CONNECT_TIMEOUT_S).close()
        except TargetError:
            return False
        return True

    def stop(self) -> None:
        """Stop the server if we started it, within about five seconds. A URL is left alone.

        Further calls do nothing.
        """
        if self._process is not None:
            self._ends = list(self.ends)
            self._stopped = True
            self._process.stop()

    def ask_to_end(self) -> None:
        """Send SIGTERM to our server, as a deploy does. No effect on a URL, and once the server has ended."""
        if self._process is not None:
            self._process.ask_to_end()

    def wait_exit(self, timeout_s: float) -> bool:
        """Wait for the exit of our server, which was asked to end. False if it still runs after `timeout_s`."""
        ended = self._process is not None and self._process.wait_exit(timeout_s) is not None
        if ended:
            self._stopped = True
        return ended

    def kill_worker(self) -> bool:
        """Kill one of several workers of our server (SIGKILL). False for a URL, or if there is only one worker."""
        return self._process is not None and self._process.kill_worker(self._endpoint.port)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Suspend all processes of our server during the block. No effect on a URL."""
        tree = self._process.tree() if self._process is not None else []
        try:
            for process in tree:
                with suppress(psutil.NoSuchProcess):
                    process.suspend()
            yield
        finally:
            for process in tree:
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    def restart(self) -> None:
        """Replace our server with a new process, on the same port if possible: read `endpoint` again.

        Raises:
            TargetError: we did not start the server, or it does not start again.
        """
        if self._launch is None:
            raise TargetError(f"wsproof did not start {self._endpoint.url}, so it cannot restart it")
        self.stop()
        port = self._endpoint.port
        try:
            self._process, fresh = self._start(port)
        except TargetError:
            if self._port is not None or self._launch.fixed_port is not None:
                raise
            self._process, fresh = self._start(None)  # another process may have taken the old port
        self._endpoint = fresh.at(self._endpoint.path)

    def _start(self, port: int | None) -> tuple[ServerProcess, Endpoint]:
        assert self._launch is not None
        timeout_s = self._timeout_s if self.budget is None else self.budget.at_most(self._timeout_s)
        started = start(
            self._launch,
            port=port,
            env=self._env,
            timeout_s=timeout_s,
            connections=self._connections,
            log=self._log,
        )
        self._stopped = False
        return started

    def header_echo(self) -> AbstractContextManager[Endpoint] | None:
        """Return a second process of the same ASGI server that answers each WebSocket with the headers it received.

        None if the target is no ASGI app that we start.
        """
        if self._launch is None or self._launch.server is None:
            return None
        timeout_s = _ECHO_TIMEOUT_S if self.budget is None else self.budget.at_most(_ECHO_TIMEOUT_S)
        return serve_header_echo(self._launch, self._env, timeout_s)

    def describe(self) -> dict[str, Any]:
        """Return the redacted description for a run record: `target` in wsproof.run/1."""
        facts = {
            **self.target.with_env(self._env).describe(),
            "url": redact(self._endpoint.url, self.target.secrets),
            "owned": self.owned,
        }
        if self._launch is None:
            return {**facts, "server": None, "command": None, "python": None, "versions": {}}
        installed = self._launch.installed
        return {
            **facts,
            "server": self.name,
            "command": self._launch.shown_command(self._endpoint.port),
            "python": installed.python if installed is not None else None,
            "versions": self._versions(),
        }

    def _versions(self) -> dict[str, str]:
        if self._launch is None or self._launch.installed is None or self._launch.server is None:
            return {}
        installed = self._launch.installed.versions
        return {name: installed[name] for name in (*self._launch.server.needs, *_APP_LIBRARIES) if name in installed}


@contextmanager
def serve(
    target: Target,
    *,
    port: int | None = None,
    extra_env: Mapping[str, str] | None = None,
    timeout_s: float = START_TIMEOUT_S,
    connections: int = 0,
) -> Iterator[RunningServer]:
    """Context manager that starts the target, or connects to its URL, and stops on exit a server that it started.

    `extra_env` is added to the target's `--env`. Without `port`, a free port on loopback is used. `connections` is the
    number of connections that the server must hold: its file descriptor limit is set accordingly.

    Raises:
        UsageError: the target cannot be started as asked, or cannot hold this many connections here, or the app's file
            of known deviations cannot be read.
        TargetError: the server did not start, or could not be reached. The message has its last output lines.
    """
    launch = plan_launch(target) if target.is_ours else None
    server = RunningServer(target, launch, port=port, env=extra_env or {}, timeout_s=timeout_s, connections=connections)
    try:
        yield server
    finally:
        server.stop()
