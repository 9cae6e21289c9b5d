"""Tests that a server which dies during the probe is a finding, although no check has run."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from websockets.sync.server import Server, ServerConnection, serve

from wsproof import Level, Verdict
from wsproof.conformance.suite import run_suite
from wsproof.model.chapter import Harm
from wsproof.model.server_end import PROCESS_ENDED
from wsproof.model.suite import SuiteOptions
from wsproof.net.endpoint import Endpoint, parse_url


class UrlServer:
    """A server that wsproof did not start."""

    owned = False
    pid = None

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    def restart(self) -> None:
        raise AssertionError("it is not ours")


@pytest.fixture
def fragile() -> Iterator[UrlServer]:
    """Run a server that exits at the first binary message, as after an unhandled error."""
    listening: list[Server] = []

    def echo(connection: ServerConnection) -> None:
        for message in connection:
            if isinstance(message, bytes):
                listening[0].socket.shutdown(socket.SHUT_RDWR)
                return
            connection.send(message)

    server = serve(echo, "127.0.0.1", 0)
    listening.append(server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield UrlServer(parse_url(f"ws://127.0.0.1:{server.socket.getsockname()[1]}/"))
    server.shutdown()


def test_a_server_process_that_ends_during_the_probe_is_reported(fragile: UrlServer) -> None:
    report = run_suite(fragile, SuiteOptions(examples=1, only=("payload-lengths",)))
    (finding,) = report.findings
    assert finding.check == PROCESS_ENDED
    assert finding.level is Level.VIOLATION
    assert finding.harm is Harm.PROCESS_DIED
    assert "connections are refused from then on" in finding.explanation
    assert report.verdict() is Verdict.INVALID
