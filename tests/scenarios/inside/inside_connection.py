"""Tests of a gevent connection with a server under test control: segmentation, faults, TLS and closing."""

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


class RecordingListener:
    """Records the calls of a connection."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.keys: set[bytes] = set()
        self.unexpected_texts: list[str] = []
        self.rules: list[str] = []
        self.ends: list[int | None] = []
        self.faults: list[Exception] = []
        self.times_ns: list[int] = []
        self.intervals: list[tuple[int, int, int, int]] = []
        self.queues: list[tuple[int, int, int]] = []

    def hear(self, member: int, frame: bytes, payload: bytes, is_text: bool, now_ns: int) -> int:
        if payload == b"crash":
            raise RuntimeError("on purpose")
        if is_text:
            payload.decode()
        self.heard.append(payload)
        self.keys.add(frame)
        self.times_ns.append(now_ns)
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
def listener() -> RecordingListener:
    return RecordingListener()


@pytest.fixture(autouse=True)
def deadline() -> Iterator[None]:
    with gevent.Timeout(DEADLINE_S):
        yield


def connected(
    server: HandServer, listener: RecordingListener, endpoint: Endpoint | None = None, first: bytes = b""
) -> tuple[GeventConnection, socket.socket]:
    """Return a listening connection and the server's socket. `first` is sent right after the handshake response."""

    def accept() -> socket.socket:
        sock = server.accept()
        accept_handshake(sock)
        if first:
            sock.sendall(first)
        return sock

    accepting = gevent.spawn(accept)
    connection = GeventConnection(0, endpoint or server.endpoint, listener, seed=1)
    assert connection.open().status == 101
    connection.listen()
    return connection, accepting.get()


def wait_until(condition: Callable[[], object]) -> None:
    while not condition():
        gevent.sleep(0.001)


def text_frame(payload: bytes) -> bytes:
    return Frame(Opcode.TEXT, payload).encode()


def test_messages_in_any_segmentation_are_received_in_order(listener: RecordingListener) -> None:
    long = b"x" * 70_000
    stream = b"".join(map(text_frame, [b"one", b"two", b"y" * 200, long, b"last"]))
    with HandServer() as server:
        connection, sock = connected(server, listener, first=text_frame(b"at once"))
        for size in (1, 2, 3, 50, 10_000):
            listener.heard.clear()
            for at in range(0, len(stream) if size > 3 else 20, size):
                sock.sendall(stream[at : at + size])
                gevent.sleep(0)
            if size <= 3:
                sock.sendall(stream[-(-20 // size) * size :])
            wait_until(lambda: len(listener.heard) >= 5)
            assert listener.heard[-5:] == [b"one", b"two", b"y" * 200, long, b"last"]
        connection.abort()
    assert listener.rules == []
    assert listener.ends == []


def test_control_frames_and_fragments_are_parsed_and_plain_text_frames_follow(listener: RecordingListener) -> None:
    with HandServer() as server:
        connection, sock = connected(server, listener)
        sock.sendall(text_frame(b"a") + Frame(Opcode.PING, b"?").encode() + text_frame(b"b"))
        sock.sendall(Frame(Opcode.TEXT, b"c1", fin=False).encode() + Frame(Opcode.CONTINUATION, b"c2").encode())
        wait_until(lambda: len(listener.heard) == 3)
        sock.sendall(text_frame(b"d"))
        wait_until(lambda: len(listener.heard) == 4)
        assert listener.heard == [b"a", b"b", b"c1c2", b"d"]
        assert text_frame(b"d") in listener.keys
        assert sock.recv(100)[:1] == b"\x8a"  # the pong
        connection.abort()


def test_a_protocol_breach_is_reported(listener: RecordingListener) -> None:
    with HandServer() as server:
        connection, sock = connected(server, listener)
        sock.sendall(text_frame(b"\xff"))
        wait_until(lambda: listener.rules)
        assert listener.rules == ["text-utf8"]
        sock.sendall(text_frame(b"next"))
        wait_until(lambda: b"next" in listener.heard)
        connection.abort()


def test_a_close_by_the_server_is_reported_once_with_its_code(listener: RecordingListener) -> None:
    with HandServer() as server:
        connection, sock = connected(server, listener)
        sock.sendall(text_frame(b"bye") + Frame(Opcode.CLOSE, (1001).to_bytes(2, "big")).encode())
        wait_until(connection.gone.is_set)
        assert (listener.heard, listener.ends) == ([b"bye"], [1001])
        assert connection.send("more") is False


def test_a_close_by_the_client_is_not_reported(listener: RecordingListener) -> None:
    with HandServer() as server:
        connection, sock = connected(server, listener)
        closing = gevent.spawn(connection.close, DEADLINE_S)
        assert sock.recv(100)[:1] == b"\x88"
        sock.close()
        closing.get()
        assert listener.ends == []
        assert connection.peer.state is not State.OPEN or connection.gone.is_set()


def test_unread_output_is_buffered_and_delays_no_other_connection(listener: RecordingListener) -> None:
    with HandServer() as server:
        connection, sock = connected(server, listener)
        connection.send(b"z" * 8_000_000)
        assert connection.unsent_bytes > 0
        left = 8_000_000 + 14  # frame header: 2 bytes, extended length 8, masking key 4
        while left:
            left -= len(sock.recv(1_000_000))
        wait_until(lambda: not connection.unsent_bytes)
        connection.abort()


def test_a_crash_while_reading_is_reported_and_ends_the_connection(listener: RecordingListener) -> None:
    with HandServer() as server:
        connection, sock = connected(server, listener)
        sock.sendall(text_frame(b"crash"))
        wait_until(connection.gone.is_set)
        assert [str(fault) for fault in listener.faults] == ["on purpose"]


def test_a_server_that_hangs_up_in_the_handshake_is_a_target_error(listener: RecordingListener) -> None:
    with HandServer() as server:
        hangup = gevent.spawn(lambda: server.accept().close())
        connection = GeventConnection(0, server.endpoint, listener, seed=1)
        with pytest.raises(TargetError, match=r"closed the connection|broke the connection"):
            connection.open()
        connection.abort()
        hangup.get()


def test_all_messages_pass_over_tls_in_both_directions(
    listener: RecordingListener,
    wrap: Callable[[socket.socket], socket.socket],  # noqa: F811
    certificate: Path,  # noqa: F811
) -> None:
    with HandServer(wrap=wrap) as server:
        endpoint = Endpoint("127.0.0.1", server.port, "/ws", tls=True, ca=str(certificate))
        connection, sock = connected(server, listener, endpoint)
        sock.sendall(text_frame(b"a" * 40_000) + text_frame(b"last"))
        wait_until(lambda: len(listener.heard) == 2)
        assert [len(payload) for payload in listener.heard] == [40_000, 4]
        connection.send("hello")
        assert sock.recv(100)[:1] == b"\x81"
        connection.abort()
        sock.close()


def test_a_frame_that_is_incomplete_when_the_client_closes_is_no_violation(listener: RecordingListener) -> None:
    with HandServer() as server:
        connection, sock = connected(server, listener)
        sock.sendall(text_frame(b"before") + text_frame(b"hello")[:3])
        wait_until(lambda: listener.heard)
        closing = gevent.spawn(connection.close, DEADLINE_S)
        assert sock.recv(100)[:1] == b"\x88"
        sock.sendall(text_frame(b"hello")[3:] + Frame(Opcode.CLOSE, (1000).to_bytes(2, "big")).encode())
        wait_until(lambda: connection.peer.close_received)
        sock.close()
        closing.get()
        assert (listener.heard, listener.rules) == ([b"before", b"hello"], [])


needs_stamps = pytest.mark.skipif(not does_kernel_stamp(), reason="this system does not stamp received data")


@needs_stamps
@pytest.mark.parametrize("is_tls", [False, True], ids=["tcp", "tls"])
def test_a_blocked_event_loop_does_not_make_a_message_late(
    listener: RecordingListener,
    wrap: Callable[[socket.socket], socket.socket],  # noqa: F811
    certificate: Path,  # noqa: F811
    is_tls: bool,
) -> None:
    with HandServer(wrap=wrap) if is_tls else HandServer() as server:
        endpoint = Endpoint("127.0.0.1", server.port, "/ws", tls=is_tls, ca=str(certificate))
        connection, sock = connected(server, listener, endpoint)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(3):
            before_ns = monotonic_ns()
            sock.sendall(text_frame(b"%d" % number))
            after_ns = monotonic_ns()
            original_sleep(0.005)  # blocks the event loop on purpose
            wait_until(lambda number=number: len(listener.heard) > number)  # type: ignore[misc]
            assert before_ns - CLOCK_ERROR_NS <= listener.times_ns[-1] <= after_ns + CLOCK_ERROR_NS
        assert connection.is_stamped
        assert listener.intervals == []
        connection.abort()


@needs_stamps
def test_messages_that_are_read_together_have_an_interval_up_to_the_last(listener: RecordingListener) -> None:
    with HandServer() as server:
        connection, sock = connected(server, listener)
        sock.sendall(text_frame(b"first"))
        wait_until(lambda: listener.heard)
        sock.sendall(text_frame(b"a") + text_frame(b"b") + text_frame(b"c"))
        wait_until(lambda: len(listener.heard) == 4)
        assert listener.intervals[-1][:3] == (listener.times_ns[0], listener.times_ns[-1], 2)
        assert listener.times_ns[1:] == [listener.times_ns[-1]] * 3
        connection.abort()


@needs_stamps
def test_all_messages_of_a_frame_have_its_time(listener: RecordingListener) -> None:
    with HandServer() as server:
        connection, sock = connected(server, listener)
        sock.sendall(text_frame(b"first"))
        wait_until(lambda: listener.heard)
        sock.sendall(text_frame(b"a+b+c") + text_frame(b"d+e"))
        wait_until(lambda: len(listener.heard) == 3)
        assert listener.intervals[-1][2] == 3
        connection.abort()


def test_a_connection_that_stops_reading_leaves_all_bytes_unread_and_is_aborted_at_once(
    listener: RecordingListener,
) -> None:
    with HandServer() as server:
        connection, sock = connected(server, listener)
        connection.stop_reading()
        sock.sendall(text_frame(b"a"))
        gevent.sleep(0.01)
        assert listener.heard == []
        connection.close(DEADLINE_S)
        assert connection.gone.is_set()
        assert listener.ends == []


class CountingListener(RecordingListener):
    """Counts the messages of each iteration of the event loop."""

    def __init__(self) -> None:
        super().__init__()
        self.by_iteration: Counter[int] = Counter()

    def hear(self, member: int, frame: bytes, payload: bytes, is_text: bool, now_ns: int) -> int:
        self.by_iteration[gevent.get_hub().loop.iteration] += 1
        return super().hear(member, frame, payload, is_text, now_ns)


def test_a_connection_with_much_data_is_read_in_chunks_over_several_loop_iterations() -> None:
    listener, frame, count = CountingListener(), text_frame(b"x" * 100), 400
    with HandServer() as server:
        connection, sock = connected(server, listener)
        sock.sendall(frame * count)
        wait_until(lambda: len(listener.heard) == count)
        assert max(listener.by_iteration.values()) <= READ_BYTES // len(frame) + 1
        assert count > 2 * READ_BYTES // len(frame)
        connection.abort()


def test_a_slow_reader_reads_on_request_and_its_times_are_not_used(listener: RecordingListener) -> None:
    with HandServer() as server:
        connection, sock = connected(server, listener)
        connection.stop_reading()
        sock.sendall(text_frame(b"a") + text_frame(b"b"))

        def has_read() -> bool:
            connection.read_once()
            return len(listener.heard) == 2

        wait_until(has_read)
        assert listener.heard == [b"a", b"b"]
        assert (listener.intervals, listener.queues) == ([], [])
        connection.abort()


@needs_stamps
def test_a_message_that_is_read_with_the_handshake_has_its_arrival_time(listener: RecordingListener) -> None:
    sent_ns: list[int] = []

    def accept() -> socket.socket:
        sock = server.accept()
        accept_handshake(sock)
        sock.sendall(text_frame(b"at once"))
        sent_ns.append(monotonic_ns())
        original_sleep(0.005)  # the client has not read the handshake yet
        return sock

    with HandServer() as server:
        accepting = gevent.spawn(accept)
        connection = GeventConnection(0, server.endpoint, listener, seed=1)
        connection.open()
        connection.listen()
        wait_until(lambda: listener.heard)
        assert listener.times_ns[0] <= sent_ns[0] + CLOCK_ERROR_NS
        accepting.get()
        connection.abort()
