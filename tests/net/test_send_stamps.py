"""Tests of the kernel's stamps of what a socket sends."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from time import time_ns

import pytest

from wsproof.net.kernel_clock import ANCILLARY_BYTES, does_kernel_stamp, request_stamps
from wsproof.net.send_stamps import SO_TIMESTAMPING, does_kernel_stamp_sends, drain, is_idle, send_stamped

CLOCK_ERROR_NS = 1_000
pytestmark = pytest.mark.skipif(not does_kernel_stamp(), reason="this system does not stamp received data")


@pytest.fixture
def tcp() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        request_stamps(client)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.connect(listener.getsockname())
        server, _ = listener.accept()
        with server:
            yield client, server


def test_a_stamp_lies_between_the_times_before_and_after_the_write(tcp: tuple[socket.socket, socket.socket]) -> None:
    client, server = tcp
    for _ in range(3):
        before_ns = time_ns()
        sent, stamp_ns = send_stamped(client, b"hello")
        after_ns = time_ns()
        assert sent == 5
        assert server.recv(100) == b"hello"
        if stamp_ns is not None:  # The kernel may deliver the stamp later.
            assert before_ns - CLOCK_ERROR_NS <= stamp_ns <= after_ns + CLOCK_ERROR_NS


def test_a_read_still_returns_one_receive_stamp_and_no_send_stamp(tcp: tuple[socket.socket, socket.socket]) -> None:
    client, server = tcp
    send_stamped(client, b"hello")
    server.sendall(b"answer")
    data, ancillary, flags, _ = client.recvmsg(100, ANCILLARY_BYTES)
    assert (data, len(ancillary), flags) == (b"answer", 1, 0)


def test_an_unread_stamp_is_drained(tcp: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    client, server = tcp
    monkeypatch.setattr("wsproof.net.send_stamps._read_stamp", lambda sock: None)
    assert send_stamped(client, b"hello") == (5, None)
    assert server.recv(100) == b"hello"
    assert drain(client)
    assert not drain(client)


def test_a_socket_with_unsent_bytes_is_not_idle(tcp: tuple[socket.socket, socket.socket]) -> None:
    client, _ = tcp
    assert is_idle(client)
    client.setblocking(False)
    client.send(b"x" * 10_000_000)  # more than the server's receive buffer takes
    assert not is_idle(client)


def test_a_failed_write_raises_its_error_and_turns_send_stamps_off(tcp: tuple[socket.socket, socket.socket]) -> None:
    client, _ = tcp
    client.setblocking(False)

    def fill() -> None:
        while True:
            send_stamped(client, b"x" * 1_000_000)

    with pytest.raises(BlockingIOError):
        fill()
    assert client.getsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING) == 0


def test_a_kernel_that_refuses_send_stamps_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    does_kernel_stamp_sends.cache_clear()
    monkeypatch.setattr("wsproof.net.send_stamps.SO_TIMESTAMPING", 0x7FFF)
    assert not does_kernel_stamp_sends()
    does_kernel_stamp_sends.cache_clear()
