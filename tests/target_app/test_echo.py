from __future__ import annotations

import pytest
from websockets.exceptions import ConnectionClosedError

from tests.target_app.conftest import Enter, EnterRaw, StartServer
from tests.target_app.peers import TEXT
from tests.target_app.server import DEADLINE, STARTS, Server, wait_until


def test_a_text_comes_back_with_its_greeting(server: Server) -> None:
    with server.connect("/ws") as client:
        for text in ("hello", "", "naïve ☃ 𝄞"):
            client.send(text)
            assert client.recv(DEADLINE) == f"Message received: {text}"


def test_binary_comes_back_unchanged_as_binary(server: Server) -> None:
    with server.connect("/ws") as client:
        for data in (b"\x00\xff\xfe", b""):
            client.send(data)
            assert client.recv(DEADLINE) == data


def test_many_messages_sent_before_reading_come_back_in_order(server: Server) -> None:
    with server.connect("/ws") as client:
        for number in range(3_000):
            client.send(str(number))
        received = [client.recv(DEADLINE) for _ in range(3_000)]
    assert received == [f"Message received: {number}" for number in range(3_000)]


def test_the_longest_allowed_message_comes_back_and_one_byte_more_is_1009(server: Server) -> None:
    with server.connect("/ws") as client:
        client.send(b"x" * 65_536)
        assert client.recv(DEADLINE) == b"x" * 65_536
        client.send(b"x" * 65_537)
        with pytest.raises(ConnectionClosedError) as closed:
            client.recv(DEADLINE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def test_the_limit_holds_in_bytes_under_a_server_that_sets_none(start_server: StartServer) -> None:
    server = start_server("hypercorn target_app.main:app --bind 127.0.0.1:{port}", max_message_bytes=100)
    with server.connect("/ws") as client:
        client.send("é" * 50)
        assert client.recv(DEADLINE) == "Message received: " + "é" * 50
        client.send("é" * 50 + "x")
        with pytest.raises(ConnectionClosedError) as closed:
            client.recv(DEADLINE)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1009, "message_too_big")


@pytest.mark.parametrize("app", STARTS[1:])
def test_text_that_is_no_utf8_leaves_no_traceback_whatever_starts_the_server(
    start_server: StartServer, raw: EnterRaw, app: str
) -> None:
    server = start_server(app)
    for path in ("/ws", "/ws/1"):
        not_text = raw(server, path)
        not_text.send(TEXT, b"\xc3\x28")
        assert b"\x03\xef" in not_text.read_to_end()  # 1007
    server.stop()
    assert "Traceback" not in server.log()


def test_nothing_that_a_peer_does_leaves_a_traceback(start_server: StartServer, enter: Enter, raw: EnterRaw) -> None:
    server = start_server()
    raw(server, "/ws").reset()
    raw(server, "/ws/1").reset()
    raw(server, "/ws").hang_up()
    garbage = raw(server, "/ws")
    garbage.socket.sendall(b"\xff\xff\xff\xff this is not a frame")
    not_text = raw(server, "/ws")
    not_text.send(TEXT, b"\xc3\x28")
    assert b"\x03\xef" in not_text.read_to_end()  # 1007
    eager = raw(server, "/ws")
    for _ in range(500):
        eager.send(TEXT, b"x" * 1_000)
    eager.reset()
    enter(server, "/ws").send("x" * 70_000)
    wait_until(lambda: sum(server.stats()["ended"].values()) == 7, "all seven have ended")
    server.stop()
    log = server.log()
    assert "Traceback" not in log
    assert "ERROR" not in log
    assert log.count("ended channel=") == 7
