"""Tests of a client that answers pings while its owner is busy."""

from __future__ import annotations

import socket
import threading

from tests.net.hand import DEADLINE_S, accept_handshake, played, read_frame
from wsproof.net.background_client import BackgroundClient
from wsproof.wire import Frame, Opcode


def test_the_client_answers_a_ping_while_its_owner_waits_for_nothing() -> None:
    answered = threading.Event()

    def ping(sock: socket.socket) -> None:
        accept_handshake(sock)
        for payload in (b"one", b"two"):
            sock.sendall(Frame(Opcode.PING, payload).encode())
            frame = read_frame(sock)
            assert (frame.opcode, frame.payload) == (Opcode.PONG, payload)
        answered.set()

    with played(ping) as server:
        client = BackgroundClient(server.endpoint, DEADLINE_S)
        assert client.open().status == 101
        assert answered.wait(DEADLINE_S)
        client.abort()


def test_a_close_by_the_server_is_reported() -> None:
    def leave(sock: socket.socket) -> None:
        accept_handshake(sock)
        sock.sendall(Frame(Opcode.CLOSE, b"\x03\xe9idle").encode())
        while read_frame(sock).opcode != Opcode.CLOSE:
            pass  # The client may see the ping first.

    with played(leave) as server:
        client = BackgroundClient(server.endpoint, DEADLINE_S)
        client.open()
        assert not client.answers_ping(b"there?", DEADLINE_S)
        assert (client.ending, client.close_code) == ("sent a close frame with code 1001 'idle'", 1001)
        client.abort()


def test_a_wait_ends_at_its_timeout_or_with_an_earlier_answer() -> None:
    silent = threading.Event()

    def answer_the_second(sock: socket.socket) -> None:
        accept_handshake(sock)
        read_frame(sock)
        assert silent.wait(DEADLINE_S)
        assert read_frame(sock).payload == b"second"
        sock.sendall(Frame(Opcode.PONG, b"second").encode())
        read_frame(sock)

    with played(answer_the_second) as server:
        client = BackgroundClient(server.endpoint, DEADLINE_S)
        client.open()
        assert not client.answers_ping(b"first", 0.01)
        assert client.ending == ""
        silent.set()
        assert client.answers_ping(b"second", DEADLINE_S)
        client.close(0.01)
