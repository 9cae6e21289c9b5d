"""Tests of a gevent connection with a server under test control: bytes in any pieces, faults, TLS, the end."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic_ns

import gevent
import pytest
from gevent.monkey import get_original

from tests.net.hand import HandServer, accept_handshake
from tests.net.test_tls import certificate, wrap  # noqa: F401 - fixtures
from wsproof import TargetError
from wsproof.locust.connection import READ_BYTES, GeventConnection
from wsproof.net.endpoint import Endpoint
from wsproof.net.kernel_clock import does_kernel_stamp
from wsproof.wire import Breach, Frame, Opcode, State

DEADLINE_S = 90
CLOCK_ERROR_NS = 1_000
original_sleep = get_original("time", "sleep")


class Ear:
    """A listener that records its calls."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.keys: set[bytes] = set()
        self.unexpected_texts: list[str] = []
        self.rules: list[str] = []
        self.ends: list[int | None] = []
        self.faults: list[Exception] = []
        self.at_ns: list[int] = []
        self.intervals: list[tuple[int, int, int, int]] = []
        self.queues: list[tuple[int, int, int]] = []

    def hear(self, member: int, frame: bytes, payload: bytes, is_text: bool, now_ns: int) -> int:
        if payload == b"crash":
            raise RuntimeError("on purpose")
        if is_text:
            payload.decode()
        self.heard.append(payload)
        self.keys.add(frame)
        self.at_ns.append(now_ns)
        return payload.count(b"+") + 1

    def unexpected(self, member: int, text: str, now_ns: int) -> None:
        self.unexpected_texts.append(text)

    def breach(self, member: int, breach: Breach) -> None:
        self.rules.append(breach.rule)

    def interval(self, row: tuple[int, int, int, int]) -> None:
        self.intervals.append(row)

    def queued(self, row: tuple[int, int, int]) -> None:
        self.queues.append(row)

    def ended(self, member: int, close_code: int | None) -> None:
        self.ends.append(close_code)

    def crashed(self, member: int, fault: Exception) -> None:
        self.faults.append(fault)


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture(autouse=True)
def deadline() -> Iterator[None]:
    with gevent.Timeout(DEADLINE_S):
        yield


def connected(
    server: HandServer, ear: Ear, endpoint: Endpoint | None = None, first: bytes = b""
) -> tuple[GeventConnection, socket.socket]:
    """Return a listening connection and the server's end. `first` comes right after the handshake response."""

    def greet() -> socket.socket:
        sock = server.accept()
        accept_handshake(sock)
        if first:
            sock.sendall(first)
        return sock

    greeting = gevent.spawn(greet)
    line = GeventConnection(0, endpoint or server.endpoint, ear, seed=1)
    assert line.open().status == 101
    line.listen()
    return line, greeting.get()


def until(condition: Callable[[], object]) -> None:
    while not condition():
        gevent.sleep(0.001)


def text(payload: bytes) -> bytes:
    return Frame(Opcode.TEXT, payload).encode()


def test_messages_in_any_segmentation_are_received_in_order(ear: Ear) -> None:
    long = b"x" * 70_000
    stream = b"".join(map(text, [b"one", b"two", b"y" * 200, long, b"last"]))
    with HandServer() as server:
        line, sock = connected(server, ear, first=text(b"at once"))
        for size in (1, 2, 3, 50, 10_000):
            ear.heard.clear()
            for at in range(0, len(stream) if size > 3 else 20, size):
                sock.sendall(stream[at : at + size])
                gevent.sleep(0)
            if size <= 3:
                sock.sendall(stream[-(-20 // size) * size :])
            until(lambda: len(ear.heard) >= 5)
            assert ear.heard[-5:] == [b"one", b"two", b"y" * 200, long, b"last"]
        line.abort()
    assert ear.rules == []
    assert ear.ends == []


def test_unusual_frames_are_read_by_a_full_peer_that_is_released_afterwards(ear: Ear) -> None:
    with HandServer() as server:
        line, sock = connected(server, ear)
        sock.sendall(text(b"a") + Frame(Opcode.PING, b"?").encode() + text(b"b"))
        sock.sendall(Frame(Opcode.TEXT, b"c1", fin=False).encode() + Frame(Opcode.CONTINUATION, b"c2").encode())
        until(lambda: len(ear.heard) == 3)
        sock.sendall(text(b"d"))
        until(lambda: len(ear.heard) == 4)
        assert ear.heard == [b"a", b"b", b"c1c2", b"d"]
        assert text(b"d") in ear.keys
        assert sock.recv(100)[:1] == b"\x8a"  # the pong
        line.abort()


def test_a_protocol_breach_is_reported(ear: Ear) -> None:
    with HandServer() as server:
        line, sock = connected(server, ear)
        sock.sendall(text(b"\xff"))
        until(lambda: ear.rules)
        assert ear.rules == ["text-utf8"]
        sock.sendall(text(b"next"))
        until(lambda: b"next" in ear.heard)
        line.abort()


def test_a_close_by_the_server_is_reported_once_with_its_code(ear: Ear) -> None:
    with HandServer() as server:
        line, sock = connected(server, ear)
        sock.sendall(text(b"bye") + Frame(Opcode.CLOSE, (1001).to_bytes(2, "big")).encode())
        until(line.gone.is_set)
        assert (ear.heard, ear.ends) == ([b"bye"], [1001])
        assert line.send("more") is False


def test_a_close_by_the_client_is_not_reported(ear: Ear) -> None:
    with HandServer() as server:
        line, sock = connected(server, ear)
        closing = gevent.spawn(line.close, DEADLINE_S)
        assert sock.recv(100)[:1] == b"\x88"
        sock.close()
        closing.get()
        assert ear.ends == []
        assert line.peer.state is not State.OPEN or line.gone.is_set()


def test_unread_output_is_buffered_and_delays_no_other_connection(ear: Ear) -> None:
    with HandServer() as server:
        line, sock = connected(server, ear)
        line.send(b"z" * 8_000_000)
        assert line.unsent_bytes > 0
        left = 8_000_000 + 14  # the frame's head: 2 + 8 + 4 of mask
        while left:
            left -= len(sock.recv(1_000_000))
        until(lambda: not line.unsent_bytes)
        line.abort()


def test_a_crash_while_reading_is_reported_and_ends_the_connection(ear: Ear) -> None:
    with HandServer() as server:
        line, sock = connected(server, ear)
        sock.sendall(text(b"crash"))
        until(line.gone.is_set)
        assert [str(fault) for fault in ear.faults] == ["on purpose"]


def test_a_server_that_hangs_up_in_the_handshake_is_a_target_error(ear: Ear) -> None:
    with HandServer() as server:
        hanging_up = gevent.spawn(lambda: server.accept().close())
        line = GeventConnection(0, server.endpoint, ear, seed=1)
        with pytest.raises(TargetError, match=r"closed the connection|broke the connection"):
            line.open()
        line.abort()
        hanging_up.get()


def test_all_messages_pass_over_tls_in_both_directions(
    ear: Ear,
    wrap: Callable[[socket.socket], socket.socket],  # noqa: F811
    certificate: Path,  # noqa: F811
) -> None:
    with HandServer(wrap=wrap) as server:
        endpoint = Endpoint("127.0.0.1", server.port, "/ws", tls=True, ca=str(certificate))
        line, sock = connected(server, ear, endpoint)
        sock.sendall(text(b"a" * 40_000) + text(b"last"))
        until(lambda: len(ear.heard) == 2)
        assert [len(payload) for payload in ear.heard] == [40_000, 4]
        line.send("hello")
        assert sock.recv(100)[:1] == b"\x81"
        line.abort()
        sock.close()


def test_a_frame_cut_by_our_close_is_no_breach_of_the_server(ear: Ear) -> None:
    with HandServer() as server:
        line, sock = connected(server, ear)
        sock.sendall(text(b"before") + text(b"hello")[:3])
        until(lambda: ear.heard)
        closing = gevent.spawn(line.close, DEADLINE_S)
        assert sock.recv(100)[:1] == b"\x88"
        sock.sendall(text(b"hello")[3:] + Frame(Opcode.CLOSE, (1000).to_bytes(2, "big")).encode())
        until(lambda: line.peer.close_received)
        sock.close()
        closing.get()
        assert (ear.heard, ear.rules) == ([b"before", b"hello"], [])


needs_stamps = pytest.mark.skipif(not does_kernel_stamp(), reason="this system does not stamp received data")


@needs_stamps
@pytest.mark.parametrize("is_tls", [False, True], ids=["tcp", "tls"])
def test_a_hub_that_is_blocked_does_not_make_a_message_late(
    ear: Ear,
    wrap: Callable[[socket.socket], socket.socket],  # noqa: F811
    certificate: Path,  # noqa: F811
    is_tls: bool,
) -> None:
    with HandServer(wrap=wrap) if is_tls else HandServer() as server:
        endpoint = Endpoint("127.0.0.1", server.port, "/ws", tls=is_tls, ca=str(certificate))
        line, sock = connected(server, ear, endpoint)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(3):
            before_ns = monotonic_ns()
            sock.sendall(text(b"%d" % number))
            after_ns = monotonic_ns()
            original_sleep(0.005)  # blocks all greenlets on purpose
            until(lambda number=number: len(ear.heard) > number)  # type: ignore[misc]
            assert before_ns - CLOCK_ERROR_NS <= ear.at_ns[-1] <= after_ns + CLOCK_ERROR_NS
        assert line.is_stamped
        assert ear.intervals == []
        line.abort()


@needs_stamps
def test_messages_that_are_read_together_have_an_interval_up_to_the_last(ear: Ear) -> None:
    with HandServer() as server:
        line, sock = connected(server, ear)
        sock.sendall(text(b"first"))
        until(lambda: ear.heard)
        sock.sendall(text(b"a") + text(b"b") + text(b"c"))
        until(lambda: len(ear.heard) == 4)
        assert ear.intervals[-1][:3] == (ear.at_ns[0], ear.at_ns[-1], 2)
        assert ear.at_ns[1:] == [ear.at_ns[-1]] * 3
        line.abort()


@needs_stamps
def test_all_messages_of_a_frame_have_its_time(ear: Ear) -> None:
    with HandServer() as server:
        line, sock = connected(server, ear)
        sock.sendall(text(b"first"))
        until(lambda: ear.heard)
        sock.sendall(text(b"a+b+c") + text(b"d+e"))
        until(lambda: len(ear.heard) == 3)
        assert ear.intervals[-1][2] == 3
        line.abort()


def test_a_connection_that_stops_reading_leaves_all_bytes_unread_and_is_aborted_at_once(ear: Ear) -> None:
    with HandServer() as server:
        line, sock = connected(server, ear)
        line.stop_reading()
        sock.sendall(text(b"a"))
        gevent.sleep(0.01)
        assert ear.heard == []
        line.close(DEADLINE_S)
        assert line.gone.is_set()
        assert ear.ends == []


class CountingEar(Ear):
    """Counts the messages of each iteration of the event loop."""

    def __init__(self) -> None:
        super().__init__()
        self.by_iteration: Counter[int] = Counter()

    def hear(self, member: int, frame: bytes, payload: bytes, is_text: bool, now_ns: int) -> int:
        self.by_iteration[gevent.get_hub().loop.iteration] += 1
        return super().hear(member, frame, payload, is_text, now_ns)


def test_a_full_connection_is_read_in_portions_between_which_others_have_their_turn() -> None:
    ear, frame, count = CountingEar(), text(b"x" * 100), 400
    with HandServer() as server:
        line, sock = connected(server, ear)
        sock.sendall(frame * count)
        until(lambda: len(ear.heard) == count)
        assert max(ear.by_iteration.values()) <= READ_BYTES // len(frame) + 1
        assert count > 2 * READ_BYTES // len(frame)
        line.abort()


def test_a_slow_reader_reads_on_request_and_its_times_are_not_used(ear: Ear) -> None:
    with HandServer() as server:
        line, sock = connected(server, ear)
        line.stop_reading()
        sock.sendall(text(b"a") + text(b"b"))

        def has_read() -> bool:
            line.read_once()
            return len(ear.heard) == 2

        until(has_read)
        assert ear.heard == [b"a", b"b"]
        assert (ear.intervals, ear.queues) == ([], [])
        line.abort()


@needs_stamps
def test_a_message_that_is_read_with_the_handshake_has_the_time_at_which_it_came(ear: Ear) -> None:
    sent_ns: list[int] = []

    def greet() -> socket.socket:
        sock = server.accept()
        accept_handshake(sock)
        sock.sendall(text(b"at once"))
        sent_ns.append(monotonic_ns())
        original_sleep(0.005)  # the client has not read the handshake yet
        return sock

    with HandServer() as server:
        greeting = gevent.spawn(greet)
        line = GeventConnection(0, server.endpoint, ear, seed=1)
        line.open()
        line.listen()
        until(lambda: ear.heard)
        assert ear.at_ns[0] <= sent_ns[0] + CLOCK_ERROR_NS
        greeting.get()
        line.abort()
