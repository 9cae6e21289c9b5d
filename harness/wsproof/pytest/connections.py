"""The connections of one test: opened on demand, audited when the test has passed, closed at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypedDict, Unpack

from wsproof.errors import TargetError
from wsproof.model.finding import Finding, Verdict
from wsproof.model.history import Member, ProtocolNote, Recorder
from wsproof.net.endpoint import Endpoint
from wsproof.net.redact import hide_in
from wsproof.pytest.frame_log import FrameLog, LoggedClient
from wsproof.target.server import RunningServer
from wsproof.wire import State

TIMEOUT_S = 10.0
"""Seconds that each wait of a client may take by default. A machine may stall for seconds."""
CLOSING_S = 1.0
"""Seconds that a client gets for its closing handshake at the end of a test."""


def counting(findings: Iterable[Finding], server: RunningServer) -> list[Finding]:
    """The findings that count, without secrets: all but known deviations of the server and non-strict ones."""
    marked = server.known_deviations.mark(hide_in(finding, server.secrets) for finding in findings)
    return [finding for finding in marked if finding.verdict() is not Verdict.VALID]


class HandshakeOptions(TypedDict, total=False):
    """The options of a test for the upgrade request. `token` is sent as a bearer token."""

    headers: Mapping[str, str]
    subprotocols: Sequence[str]
    origin: str
    token: str


class Connections:
    """Opens clients and peers, and keeps them until the end of the test."""

    def __init__(self, find_endpoint: Callable[[str | None], Endpoint], server: RunningServer) -> None:
        self._find_endpoint = find_endpoint
        self._server = server
        self._open: list[tuple[str, LoggedClient]] = []
        self._audited: list[tuple[str, LoggedClient]] = []

    def open(
        self,
        kind: str,
        path: str | None,
        *,
        timeout_s: float,
        is_audited: bool,
        handshake: bool = True,
        **options: Unpack[HandshakeOptions],
    ) -> LoggedClient:
        """Open a connection, and keep it. Without `handshake`, only TCP is open.

        Raises:
            AssertionError: the server does not answer.
            UsageError: there is no path, and the app does not have exactly one.
        """
        __tracebackhide__ = True
        endpoint = self._endpoint(path, **options)
        number = len(self._open) + 1
        log = FrameLog(self._server.secrets)
        client = LoggedClient(endpoint, log, deadline_s=timeout_s, seed=number, offers_frames=not is_audited)
        named = (f"{kind} {number} ({endpoint.path})", client)
        self._open.append(named)
        if is_audited:
            self._audited.append(named)
        try:
            client.connect()
            if handshake:
                client.peer.connect()
                client.finish_opening()
        except TargetError as error:
            raise AssertionError(f"{self.last_name}: {error}") from None
        return client

    def _endpoint(self, path: str | None, **options: Unpack[HandshakeOptions]) -> Endpoint:
        """The server's endpoint with these options of the upgrade request."""
        endpoint = self._find_endpoint(path)
        headers = dict(options.get("headers", {}))
        if "token" in options:
            headers["Authorization"] = f"Bearer {options['token']}"
        endpoint = endpoint.with_own(headers, options.get("subprotocols", ()))
        return replace(endpoint, origin=options.get("origin", endpoint.origin))

    @property
    def last_name(self) -> str:
        """The name of the latest connection, as reports show it."""
        return self._open[-1][0]

    def violations(self) -> list[Finding]:
        """The rules of RFC 6455 and RFC 7692 that the server broke on audited connections, without known deviations."""
        from wsproof.checks.protocol import protocol
        from wsproof.model.contract import Audience, Contract

        recorder = Recorder()
        for number, (name, client) in enumerate(self._audited):
            recorder.members.append(Member(number, name))
            recorder.protocol += [
                ProtocolNote(number, breach.rule, breach.section, breach.level, breach.sentence, breach.evidence)
                for breach in client.peer.breaches
            ]
        if not recorder.protocol:
            return []
        return counting(protocol(recorder.freeze(), Contract("of this test", Audience.NOBODY)), self._server)

    def logs(self) -> list[tuple[str, str]]:
        """The frames of each connection, with a title."""
        return [(f"frames of {name}", "\n".join(client.log.lines)) for name, client in self._open]

    def close(self) -> None:
        """Close all connections. A server that does not answer a close frame is not waited for long."""
        for _, client in self._open:
            if client.peer.state is State.OPEN:
                client.close(deadline_s=CLOSING_S)
            client.abort()
