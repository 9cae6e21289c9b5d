"""`ws_server`: the target of a test session, running."""

from __future__ import annotations

from wsproof.target.server import RunningServer


class WsServer:
    """The running server: started by pytest on a free port, or the URL that `--ws-target` names."""

    def __init__(self, running: RunningServer) -> None:
        self._running = running

    def __repr__(self) -> str:
        return f"<ws_server {self.url}>"

    @property
    def url(self) -> str:
        """The WebSocket URL, with the target's path: `ws://127.0.0.1:41234/ws`. Secrets are redacted."""
        return self._running.endpoint.url

    @property
    def http_url(self) -> str:
        """The address for HTTP requests, without a path: `http://127.0.0.1:41234`."""
        return self._running.endpoint.http_url

    @property
    def host(self) -> str:
        """The host: `127.0.0.1` for a server that was started here."""
        return self._running.endpoint.host

    @property
    def port(self) -> int:
        """The port."""
        return self._running.endpoint.port

    @property
    def pid(self) -> int | None:
        """The process id of the server; None for a URL, and after the server has ended."""
        return self._running.pid

    def output(self, lines: int = 20) -> list[str]:
        """The last lines that the server wrote, redacted; none for a URL."""
        return self._running.output_tail(lines)

    def restart(self) -> None:
        """Replace the server by a new process, on the same port if possible.

        Raises:
            TargetError: the server was not started here, or does not start again.
        """
        self._running.restart()
