"""Tests of faulty clients without a network: what they send, how they leave, and how they are counted."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from wsproof.load.faults.fault_line import FORBIDDEN_FRAMES, NO_HTTP
from wsproof.load.faults.joining_client import JoiningClient
from wsproof.load.faults.storm import LONGEST_PAUSE_S, Attempts, pause_s
from wsproof.model.fault_record import StormTurn
from wsproof.net.endpoint import Endpoint
from wsproof.wire import Frame, Opcode
from wsproof.wire.handshake import accept_key
from wsproof.workloads import load_channels

KEY = "d3Nwcm9vZi1mYXVsdHMhIQ=="
ACCEPTED = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Accept: {accept_key(KEY)}\r\n\r\n"
).encode()


def client() -> JoiningClient:
    """A client of the tutorial's chat, whose members join with their handshake."""
    workload = load_channels("tutorial", {})["chat"]
    return JoiningClient(Endpoint("127.0.0.1", 1).request(KEY), workload, 3)


def test_a_client_has_joined_after_its_handshake() -> None:
    joining = client()
    assert joining.start().startswith(b"GET / HTTP/1.1\r\n")
    had_joined = joining.has_joined
    joining.receive(ACCEPTED, 0)
    assert (had_joined, joining.has_joined) == (False, True)
    assert joining.refusal == ""


def test_a_client_answers_pings_and_counts_pongs() -> None:
    joining = client()
    joining.start()
    answer = joining.receive(ACCEPTED + Frame(Opcode.PING, b"you?").encode(), 0)
    assert answer[0] & 0x0F == Opcode.PONG
    assert joining.ping()[0] & 0x0F == Opcode.PING
    joining.receive(Frame(Opcode.PONG).encode(), 0)
    assert joining.pongs == 1


def test_a_closed_client_sends_nothing_more() -> None:
    joining = client()
    joining.start()
    joining.receive(ACCEPTED, 0)
    assert joining.close()[0] & 0x0F == Opcode.CLOSE
    assert joining.ping() == joining.close() == b""


def test_a_refusal_is_reported_with_its_status() -> None:
    joining = client()
    joining.start()
    joining.receive(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", 0)
    assert joining.refusal == "HTTP 503"


def test_an_end_before_the_client_has_joined_is_a_refusal() -> None:
    early, joined = client(), client()
    early.end()
    assert "before the client had joined" in early.refusal
    joined.start()
    joined.receive(ACCEPTED, 0)
    joined.end()
    assert joined.refusal == ""


def test_garbage_never_reaches_an_application() -> None:
    assert not NO_HTTP.startswith(b"GET")
    assert all(frame.opcode & 0x08 for frame in FORBIDDEN_FRAMES)  # control frames carry no message


@pytest.mark.parametrize("is_spread", [False, True])
def test_pauses_double_up_to_a_limit(is_spread: bool) -> None:
    rng = random.Random(0)
    pauses = [pause_s(failures, is_spread=is_spread, rng=rng) for failures in range(1, 12)]
    assert max(pauses) <= LONGEST_PAUSE_S
    if not is_spread:
        assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
        assert pauses[-1] == LONGEST_PAUSE_S


def test_a_storm_counts_returned_clients_and_the_second_with_most_refusals() -> None:
    reasons = Counter({"HTTP 503": 3, "the connection ended": 1})
    attempts = Attempts([0.5, 1.0, 4.0], [0.1, 0.2, 0.9, 1.1], reasons)
    assert attempts.turn(3, is_spread=True) == StormTurn(True, 3, 3, 4.0, 1.0, 4, 3, "HTTP 503")
    assert attempts.turn(4, is_spread=True).recovered_s is None
    assert Attempts().turn(4, is_spread=False) == StormTurn(False, 4, 0, None, None)
