"""Tests of users that publish by HTTP: one request at a time per user, and refused requests."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import gevent
import pytest
from gevent.event import Event

from wsproof import FunctionCall, HttpRequest
from wsproof.locust.outside_publisher import OutsidePublisher
from wsproof.model.outside_call import PublishAnswer
from wsproof.net.endpoint import Endpoint

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


def test_a_request_waits_for_the_previous_answer_and_a_refusal_is_reported(held: Held) -> None:
    refused: list[tuple[int, int, PublishAnswer]] = []
    publisher = OutsidePublisher(lambda member: held.endpoint, lambda *what: refused.append(what))
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


def test_a_function_publishes_in_a_greenlet_and_its_error_is_reported(held: Held) -> None:
    refused: list[tuple[int, int, PublishAnswer]] = []
    begun: list[int] = []
    may_end = Event()

    def fails() -> None:
        begun.append(0)
        may_end.wait()
        raise ConnectionError("the broker is gone")

    publisher = OutsidePublisher(lambda member: held.endpoint, lambda *what: refused.append(what))
    publisher.publish(7, 0, FunctionCall(fails))
    publisher.publish(7, 1, FunctionCall(lambda: begun.append(1)))
    with gevent.Timeout(DEADLINE_S):
        while not begun:
            gevent.sleep(0.001)
        assert begun == [0], "the second waits for the first"
        may_end.set()
        while publisher.is_busy:
            gevent.sleep(0.001)
    assert begun == [0, 1]
    assert refused == [(7, 0, PublishAnswer("ConnectionError: the broker is gone"))]
