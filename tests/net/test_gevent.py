"""Tests of gevent networking in a separate process, since gevent patches the whole process."""

from __future__ import annotations

import subprocess
import sys

from tests.net.hand import DEADLINE_S, HandServer, answer_101, read_request
from wsproof.wire import Frame, Opcode

GREENLETS = """
from gevent import monkey
monkey.patch_all()
import sys
import gevent
from wsproof.net.client import Client
from wsproof.net.endpoint import Endpoint
from wsproof.wire import TextMessage

def user(seed):
    with Client(Endpoint("127.0.0.1", int(sys.argv[1])), seed=seed, deadline_s=90) as client:
        client.open()
        return client.wait_event(lambda event: isinstance(event, TextMessage)).text

users = [gevent.spawn(user, seed) for seed in range(3)]
gevent.joinall(users, raise_error=True)
print(*[user.get() for user in users])
"""


def test_a_waiting_client_does_not_hold_up_other_greenlets() -> None:
    with HandServer() as server:
        process = subprocess.Popen(
            [sys.executable, "-c", GREENLETS, str(server.port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        # No client is answered before all have connected: a wait that is not cooperative would block the others.
        connections = [server.accept() for _ in range(3)]
        requests = [read_request(sock) for sock in connections]
        for sock, request in zip(connections, requests, strict=True):
            sock.sendall(answer_101(request))
        for sock in reversed(connections):
            sock.sendall(Frame(Opcode.TEXT, b"hello").encode())
        out, err = process.communicate(timeout=DEADLINE_S)
    assert (out, err) == ("hello hello hello\n", "")
