"""Tests of users that publish by HTTP: one request at a time per user, and refused requests."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import gevent
import pytest
from gevent.event import Event

from wsproof.locust.http_publisher import HttpPublisher
from wsproof.net.endpoint import Endpoint
from wsproof.net.http_connection import HttpAnswer
from wsproof.wire import HttpRequest

DEADLINE_S = 60


class Held:
    """A server that answers each request with the next of its answers, when the test allows it."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.endpoint = Endpoint("127.0.0.1", self.listening.getsockname()[1])
        self.requests: list[bytes] = []
        self.may_answer = Event()
        self.answers = [b"429 Too Many Requests", b"200 OK"]
        self._greenlet = gevent.spawn(self._serve)

    def _serve(self) -> None:
        sock, _ = self.listening.accept()
        with sock:
            while data := sock.recv(65_536):
                self.requests.append(data)
                self.may_answer.wait()
                sock.sendall(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % self.answers.pop(0))

    def close(self) -> None:
        self._greenlet.kill()
        self.listening.close()


@pytest.fixture
def held() -> Iterator[Held]:
    held = Held()
    yield held
    held.close()


def test_a_request_waits_for_the_answer_to_the_one_before_and_a_refusal_is_told(held: Held) -> None:
    refused: list[tuple[int, int, HttpAnswer]] = []
    publisher = HttpPublisher(lambda member: held.endpoint, lambda *what: refused.append(what))
    for sequence in range(2):
        assert publisher.publish(7, sequence, HttpRequest("POST", f"/{sequence}"))
    with gevent.Timeout(DEADLINE_S):
        while not held.requests:
            gevent.sleep(0.001)
        assert len(held.requests) == 1
        held.may_answer.set()
        while publisher.is_busy:
            gevent.sleep(0.001)
    assert [request.split()[1] for request in held.requests] == [b"/0", b"/1"]
    assert [(member, sequence, answer.status) for member, sequence, answer in refused] == [(7, 0, 429)]
    publisher.close()
