from __future__ import annotations

import select
import socket
import threading
from pathlib import Path

import pytest

from tests.net.hand import (
    DEADLINE_S,
    HandServer,
    accept_handshake,
    answer_101,
    played,
    read_frame,
    read_request,
    send_rst,
)
from wsproof import TargetError
from wsproof.machine.ports import free_port
from wsproof.net.client import Client
from wsproof.net.endpoint import Endpoint
from wsproof.wire import (
    BinaryMessage,
    CloseReceived,
    Ended,
    Event,
    Frame,
    Opcode,
    PingReceived,
    Refused,
    State,
    TextMessage,
)

HELLO = Frame(Opcode.TEXT, b"hello").encode()


def is_text(event: Event) -> bool:
    return isinstance(event, TextMessage)


def never(event: Event) -> bool:
    return False


def handshake_only(sock: socket.socket) -> None:
    accept_handshake(sock)


def handshake_then_close(sock: socket.socket) -> None:
    accept_handshake(sock)
    sock.close()


def request_then_close(sock: socket.socket) -> None:
    read_request(sock)
    sock.close()


class TestOpening:
    def test_a_handshake_that_is_accepted_opens_the_connection(self) -> None:
        with played(handshake_only) as server, Client(server.endpoint) as client:
            assert client.open().status == 101
            assert client.peer.state is State.OPEN
            assert client.peer.breaches == []

    def test_the_request_has_the_headers_and_the_path_of_the_endpoint(self) -> None:
        requests: list[str] = []
        with played(lambda sock: requests.append(accept_handshake(sock))) as server:
            endpoint = Endpoint(
                "127.0.0.1",
                server.port,
                "/a?b=c",
                headers=(("X-One", "1"),),
                subprotocols=("p1", "p2"),
                origin="http://o",
            )
            with Client(endpoint) as client:
                client.open()
        assert requests[0].startswith("GET /a?b=c HTTP/1.1\r\n")
        for line in (
            f"Host: 127.0.0.1:{server.port}",
            "X-One: 1",
            "Sec-WebSocket-Protocol: p1, p2",
            "Origin: http://o",
        ):
            assert line in requests[0].split("\r\n")

    def test_a_refusal_is_returned_with_its_body(self) -> None:
        def refuse(sock: socket.socket) -> None:
            read_request(sock)
            sock.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n")
            sock.sendall(b"no")

        with played(refuse) as server, Client(server.endpoint) as client:
            response = client.open()
            assert response.status == 403
            assert client.events == [Refused(response, b"no")]

    def test_a_close_without_any_answer_is_an_error_that_says_so(self) -> None:
        with (
            played(request_then_close) as server,
            Client(server.endpoint) as client,
            pytest.raises(TargetError, match="closed the connection"),
        ):
            client.open()

    def test_a_silent_server_is_an_error_at_the_deadline(self) -> None:
        with (
            HandServer() as server,
            Client(server.endpoint, deadline_s=0.1) as client,
            pytest.raises(TargetError, match="sent nothing"),
        ):
            client.open()

    def test_a_refused_connection_is_an_error_that_names_the_address(self) -> None:
        port = free_port("127.0.0.1")
        with pytest.raises(TargetError, match=f"ws://127.0.0.1:{port}/, got: Connection refused"):
            Client(Endpoint("127.0.0.1", port)).open()

    def test_a_missing_unix_socket_is_an_error_that_names_its_path(self, tmp_path: Path) -> None:
        with pytest.raises(TargetError, match=rf"the Unix socket {tmp_path}/s, got: No such file .* is the path right"):
            Client(Endpoint("localhost", 80, unix=str(tmp_path / "s"))).open()

    def test_an_unknown_host_is_an_error(self) -> None:
        with pytest.raises(TargetError, match="expected a server at"):
            Client(Endpoint("host.invalid", 1)).connect()

    @pytest.mark.parametrize(("second_seed", "same"), [(7, True), (8, False)])
    def test_the_same_seed_sends_the_same_bytes(self, second_seed: int, same: bool) -> None:
        def all_bytes(seed: int) -> bytes:
            requests: list[bytes] = []

            def listen(sock: socket.socket) -> None:
                request = accept_handshake(sock)
                requests.append(request.replace(str(server.port), "PORT").encode())
                while data := sock.recv(4096):
                    requests.append(data)

            with played(listen) as server, Client(server.endpoint, seed=seed) as client:
                client.open()
                client.send_text("hello")
            return b"".join(requests)

        assert (all_bytes(7) == all_bytes(second_seed)) is same


class TestReceiving:
    def test_wait_event_returns_the_events_in_order_and_each_of_them_once(self) -> None:
        def talk(sock: socket.socket) -> None:
            accept_handshake(sock)
            sock.sendall(HELLO + Frame(Opcode.BINARY, b"\x00").encode() + Frame(Opcode.TEXT, b"again").encode())
            sock.sendall(Frame(Opcode.CLOSE, (1001).to_bytes(2, "big")).encode())
            sock.close()

        with played(talk) as server, Client(server.endpoint) as client:
            client.open()
            assert client.wait_event(lambda event: isinstance(event, CloseReceived)) == CloseReceived(1001, "")
            assert client.wait_event(is_text) == TextMessage("hello", 1)
            assert client.wait_event(is_text) == TextMessage("again", 1)
            assert client.wait_event(lambda event: isinstance(event, BinaryMessage)) == BinaryMessage(b"\x00", 1)
            assert client.wait_end()
            names = [type(event).__name__ for event in client.events]
            assert names == ["Accepted", "TextMessage", "BinaryMessage", "TextMessage", "CloseReceived", "Ended"]
            assert len(client.event_times_ns) == len(names)
            assert client.event_times_ns == sorted(client.event_times_ns)
            assert len(client.take_events()) == len(names)
            assert client.events == []

    def test_the_client_answers_a_ping_while_it_waits_for_another_event(self) -> None:
        def talk(sock: socket.socket) -> None:
            accept_handshake(sock)
            sock.sendall(Frame(Opcode.PING, b"are you there").encode())
            answer = read_frame(sock)
            assert (answer.opcode, answer.payload) == (Opcode.PONG, b"are you there")
            sock.sendall(HELLO)

        with played(talk) as server, Client(server.endpoint) as client:
            client.open()
            assert client.wait_event(is_text) is not None
            assert PingReceived(b"are you there") in client.events

    def test_wait_event_returns_none_at_its_deadline(self) -> None:
        with played(handshake_only) as server, Client(server.endpoint) as client:
            client.open()
            assert client.wait_event(is_text, deadline_s=0.05) is None
            assert not client.wait_end(0.0)

    def test_a_server_that_sends_without_pause_does_not_delay_the_deadline(self) -> None:
        def flood(sock: socket.socket) -> None:
            accept_handshake(sock)
            try:
                while True:
                    sock.sendall(Frame(Opcode.TEXT, b"x" * 100).encode() * 1000)
            except OSError:
                pass

        with played(flood) as server, Client(server.endpoint) as client:
            client.open()
            assert client.wait_event(never, deadline_s=0.2) is None
            assert client.receive_nowait()
            client.abort()

    def test_receive_nowait_reads_what_is_available_and_reports_the_end(self) -> None:
        def end_on_signal(sock: socket.socket) -> None:
            accept_handshake(sock)
            read_frame(sock)
            sock.sendall(HELLO)
            sock.close()

        with played(end_on_signal) as server, Client(server.endpoint) as client:
            client.open()
            assert client.receive_nowait()
            client.send_text("end")
            poll = select.poll()
            poll.register(client, select.POLLIN)
            while client.receive_nowait():
                assert poll.poll(5_000)
            assert TextMessage("hello", 1) in client.events

    def test_a_client_that_stops_reading_can_read_everything_later(self) -> None:
        stalled = threading.Event()

        def push(sock: socket.socket) -> None:
            accept_handshake(sock)
            sock.sendall(HELLO)
            sock.settimeout(0.3)
            with pytest.raises(TimeoutError):
                sock.sendall(Frame(Opcode.BINARY, bytes(16_000_000)).encode())
            stalled.set()
            sock.close()

        with played(push) as server, Client(server.endpoint, receive_buffer=4096) as client:
            client.open()
            client.stop_reading()
            assert client.wait_event(is_text) is None or client.events[-1] == TextMessage("hello", 1)
            assert stalled.wait(DEADLINE_S)
            before = len(client.events)
            assert client.receive_nowait()
            assert len(client.events) == before
            client.resume_reading()
            assert client.wait_end()
            assert TextMessage("hello", 1) in client.events


class TestSending:
    def test_a_large_echo_does_not_deadlock_although_the_server_writes_before_it_reads_the_rest(self) -> None:
        size = 12_000_000

        def echo(sock: socket.socket) -> None:
            accept_handshake(sock)
            remaining = size
            sock.sendall(b"\x82\x7f" + size.to_bytes(8, "big"))
            head = 2 + 8 + 4
            while head:
                head -= len(sock.recv(head))
            while remaining:
                data = sock.recv(65_536)
                remaining -= len(data)
                sock.sendall(data)

        with played(echo) as server, Client(server.endpoint) as client:
            client.open()
            assert client.send_binary(bytes(size))
            event = client.wait_event(lambda event: isinstance(event, BinaryMessage))
            assert isinstance(event, BinaryMessage)
            assert len(event.data) == size

    def test_flush_returns_false_for_a_server_that_does_not_read(self) -> None:
        with HandServer() as server, Client(server.endpoint, deadline_s=0.2) as client:
            client.connect()
            server.accept()
            assert not client.send_raw(bytes(16_000_000))

    def test_raw_bytes_are_sent_unchanged(self) -> None:
        received: list[bytes] = []

        def receive(sock: socket.socket) -> None:
            received.append(sock.recv(100))
            sock.close()

        with played(receive) as server, Client(server.endpoint) as client:
            client.connect()
            assert client.send_raw(b"\xff\x00not a frame")
            assert client.wait_end()
        assert received == [b"\xff\x00not a frame"]


class TestEnding:
    def test_the_server_sees_a_reset_by_the_client(self) -> None:
        def listen(sock: socket.socket) -> None:
            accept_handshake(sock)
            with pytest.raises(ConnectionResetError):
                sock.recv(100)

        with played(listen) as server, Client(server.endpoint) as client:
            client.open()
            client.reset()

    def test_after_a_half_close_the_server_sees_the_end_and_may_still_send(self) -> None:
        def listen(sock: socket.socket) -> None:
            accept_handshake(sock)
            assert sock.recv(100) == b""
            sock.sendall(HELLO)

        with played(listen) as server, Client(server.endpoint) as client:
            client.open()
            client.half_close()
            assert client.wait_event(is_text) == TextMessage("hello", 1)
            assert not client.was_reset
            assert not client.send_text("too late")

    def test_a_closing_handshake_is_clean(self) -> None:
        def answer(sock: socket.socket) -> None:
            accept_handshake(sock)
            frame = read_frame(sock)
            assert (frame.opcode, frame.payload) == (Opcode.CLOSE, b"\x03\xe9bye")
            sock.sendall(Frame(Opcode.CLOSE, frame.payload).encode())
            sock.close()

        with played(answer) as server, Client(server.endpoint) as client:
            client.open()
            assert client.close(1001, "bye")
            assert client.events[-1] == Ended(clean=True)

    def test_a_server_that_does_not_answer_the_close_is_left_at_the_deadline(self) -> None:
        with played(handshake_only) as server, Client(server.endpoint) as client:
            client.open()
            assert not client.close(deadline_s=0.05)
            with pytest.raises(RuntimeError, match="no socket"):
                client.fileno()

    def test_a_reset_by_the_server_is_distinguished_from_a_normal_end(self) -> None:
        def rst(sock: socket.socket) -> None:
            accept_handshake(sock)
            sock.recv(100)
            send_rst(sock)

        with played(rst) as server, Client(server.endpoint) as client:
            client.open()
            client.send_text("go")
            assert client.wait_end()
            assert client.was_reset
            assert client.events[-1] == Ended(clean=False)

    def test_an_end_without_a_close_frame_is_no_reset(self) -> None:
        with played(handshake_then_close) as server, Client(server.endpoint) as client:
            client.open()
            assert client.wait_end()
            assert not client.was_reset
            assert client.events[-1] == Ended(clean=False)


def test_a_send_after_the_server_has_closed_sends_nothing_and_does_not_raise() -> None:
    def close_at_once(sock: socket.socket) -> None:
        sock.sendall(answer_101(read_request(sock)) + Frame(Opcode.CLOSE, b"\x03\xeb").encode())

    with played(close_at_once) as server, Client(server.endpoint, deadline_s=DEADLINE_S) as client:
        client.open()
        assert client.wait_event(lambda event: isinstance(event, CloseReceived)) is not None
        assert not client.send_text("too late")
        assert not client.send_binary(b"too late")
        assert not client.send_ping(b"too late")
        assert not client.send_close()
