from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError
from websockets.sync.client import ClientConnection

from tests.target_app.conftest import Enter, EnterRaw, StartServer
from tests.target_app.peers import BINARY, CLOSE, TEXT, RawPeer, frame
from tests.target_app.server import DEADLINE, STARTS, Server, running, wait_until


@pytest.fixture(scope="module", params=STARTS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Run the server with each way of starting and writing."""
    with running(request.param, {}) as started:
        yield started


def settle(*members: ClientConnection) -> None:
    """Wait until all are in the room, one after the other. Each has its own message back, and none is left unread."""
    for number, member in enumerate(members):
        member.send(f"settling {number}")
        for other in members[: number + 1]:
            wait_for(other, f"settling {number}")


def wait_for(member: ClientConnection, ending: str) -> str:
    """Return the next broadcast with this ending. Skips earlier messages."""
    while True:
        text = member.recv(DEADLINE)
        assert isinstance(text, str)
        if text.startswith("Client #") and text.endswith(ending):
            return text


def broadcasts(member: ClientConnection, count: int) -> list[str]:
    """Return the next `count` messages that are not answers to the member's own."""
    heard: list[str] = []
    while len(heard) < count:
        text = member.recv(DEADLINE)
        assert isinstance(text, str)
        if not text.startswith("You: "):
            heard.append(text)
    return heard


def test_a_publisher_gets_a_reply_and_every_member_the_message(server: Server) -> None:
    with server.connect("/ws/7") as seven, server.connect("/ws/8") as eight:
        settle(seven, eight)
        seven.send("hello: <b>")
        assert seven.recv(DEADLINE) == "You: hello: <b>"
        assert seven.recv(DEADLINE) == "Client #7 says: hello: <b>"
        assert eight.recv(DEADLINE) == "Client #7 says: hello: <b>"


def test_all_members_receive_messages_of_many_publishers_in_one_order(server: Server, enter: Enter) -> None:
    each, speakers = 100, 4
    members = [enter(server, f"/ws/{number}") for number in range(speakers + 2)]
    settle(*members)
    together = threading.Barrier(speakers)

    def speak(member: ClientConnection) -> None:
        together.wait()
        for number in range(each):
            member.send(str(number))

    threads = [threading.Thread(target=speak, args=(member,)) for member in members[:speakers]]
    for thread in threads:
        thread.start()
    heard = [broadcasts(member, each * speakers) for member in members]
    for thread in threads:
        thread.join(DEADLINE)
    assert all(one == heard[0] for one in heard)
    for speaker in range(speakers):
        said = [text for text in heard[0] if text.startswith(f"Client #{speaker} ")]
        assert said == [f"Client #{speaker} says: {number}" for number in range(each)]


def close_frame(peer: RawPeer) -> None:
    peer.send(CLOSE, b"\x03\xe8")


@pytest.mark.parametrize("go", [close_frame, RawPeer.hang_up, RawPeer.reset], ids=["close", "FIN", "RST"])
def test_a_departure_is_announced_once_to_the_others(
    server: Server, raw: EnterRaw, go: Callable[[RawPeer], None]
) -> None:
    with server.connect("/ws/1") as one, server.connect("/ws/2") as two:
        settle(one, two)
        go(raw(server, "/ws/goer"))
        for member in (one, two):
            assert member.recv(DEADLINE) == "Client #goer left the chat"
        one.send("still here")
        for member in (one, two):
            assert broadcasts(member, 1) == ["Client #1 says: still here"]


def test_two_members_with_the_same_id_are_two_members(server: Server, enter: Enter) -> None:
    with server.connect("/ws/other") as other:
        first, second = enter(server, "/ws/twin"), enter(server, "/ws/twin")
        settle(other, first, second)
        first.send("one of us")
        for member in (other, first, second):
            assert broadcasts(member, 1) == ["Client #twin says: one of us"]
        first.close()
        for member in (other, second):
            assert broadcasts(member, 1) == ["Client #twin left the chat"]
        second.send("the other of us")
        assert broadcasts(other, 1) == ["Client #twin says: the other of us"]
        second.close()
        assert broadcasts(other, 1) == ["Client #twin left the chat"]


def test_a_binary_frame_is_refused_with_1003_and_harms_nobody(server: Server) -> None:
    with server.connect("/ws/1") as one, server.connect("/ws/2") as two, server.connect("/ws/bad") as bad:
        settle(one, two, bad)
        bad.send(b"\x00")
        with pytest.raises(ConnectionClosedError) as closed:
            bad.recv(DEADLINE)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1003
        two.send("are we well?")
        for member in (one, two):
            assert broadcasts(member, 2) == ["Client #bad left the chat", "Client #2 says: are we well?"]


@pytest.mark.parametrize("path", ["/ws/" + "x" * 65, "/ws/a%0Ab"])
def test_an_unprintable_id_is_refused_with_1008(server: Server, path: str) -> None:
    with server.connect("/ws/1") as one:
        settle(one)
        with server.connect(path) as client, pytest.raises(ConnectionClosedError) as closed:
            client.recv(DEADLINE)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
        one.send("nobody came, nobody left")
        assert broadcasts(one, 1) == ["Client #1 says: nobody came, nobody left"]


@pytest.mark.parametrize("app", STARTS)
def test_a_member_that_never_reads_delays_nobody_and_is_dropped_and_cut_off(
    start_server: StartServer, stalled: EnterRaw, app: str
) -> None:
    # No wait here has its own timeout: a server that waited for the stalled member would wait for ever.
    server = start_server(app)
    sleeper = stalled(server, "/ws/sleeper")
    with server.connect("/ws/1") as one, server.connect("/ws/2") as two:
        settle(one, two)
        text = "x" * 60_000
        heard: list[str] = []
        for _ in range(120):
            one.send(text)
            while (said := two.recv(DEADLINE)) != f"Client #1 says: {text}":
                heard.append(str(said))
        wait_until(lambda: server.ended("slow_consumer") == 1, "the stalled member has been dropped")
        one.send("after all")
        assert wait_for(one, "after all") == wait_for(two, "after all")
        assert heard.count("Client #sleeper left the chat") == 1
        assert server.stats()["open"] == 2
        wait_until(lambda: "cut sockets=1" in server.log(), "the socket of the stalled member has been cut")
        assert len(sleeper.read_to_end()) < 120 * 60_000


def test_a_burst_from_one_member_drops_nobody_who_reads(server: Server) -> None:
    # Much more than an outbox holds, all of it in the server's receive buffer at once.
    with server.connect("/ws/1") as one, server.connect("/ws/2") as two:
        settle(one, two)
        before = server.ended("slow_consumer")
        for number in range(10_000):
            one.send(str(number))
        try:
            assert broadcasts(two, 10_000) == [f"Client #1 says: {number}" for number in range(10_000)]
            assert broadcasts(one, 10_000) == [f"Client #1 says: {number}" for number in range(10_000)]
        except ConnectionClosed as closed:
            pytest.fail(f"an innocent member was dropped: {closed}")
        assert server.ended("slow_consumer") == before


def test_a_garbage_frame_ends_only_its_own_connection(server: Server, raw: EnterRaw) -> None:
    with server.connect("/ws/1") as one:
        settle(one)
        bad = raw(server, "/ws/bad")
        bad.socket.sendall(bytes([0x80 | BINARY | 0x70, 0x80]) + bytes(4))  # reserved bits set
        assert one.recv(DEADLINE) == "Client #bad left the chat"
        assert b"\x03\xea" in bad.read_to_end()  # 1002


def test_messages_sent_right_before_a_close_reach_the_others(server: Server, raw: EnterRaw) -> None:
    # In one segment with the close frame: uvicorn then refuses our answers while messages still wait to be read.
    with server.connect("/ws/1") as stays:
        settle(stays)
        for attempt in range(10):
            leaver = raw(server, "/ws/2")
            frames = [frame(TEXT, f"{attempt}.{number}".encode()) for number in range(20)]
            leaver.socket.sendall(b"".join([*frames, frame(CLOSE, b"\x03\xe8")]))
            heard = broadcasts(stays, 21)
            assert heard[:-1] == [f"Client #2 says: {attempt}.{number}" for number in range(20)]
            assert heard[-1] == "Client #2 left the chat"
