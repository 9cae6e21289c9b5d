from __future__ import annotations

from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.target_app.conftest import EnterRaw
from tests.target_app.peers import TEXT, frame
from tests.target_app.server import DEADLINE, Server, running


@pytest.fixture(scope="module", params=["", " --ws target_app.direct:DirectWSProtocol"])
def faulty(request: pytest.FixtureRequest) -> Iterator[Server]:
    with running(
        f"tests.target_app.faulty_channel:app{request.param}", {}, tracebacks_expected="its faults"
    ) as started:
        yield started


def ending(client: ClientConnection) -> tuple[int | None, str | None]:
    """Return the close code and reason. Fails if a message comes first."""
    with pytest.raises(ConnectionClosed):
        client.recv(DEADLINE)
    return client.close_code, client.close_reason


def test_a_fault_in_a_channel_is_1011_without_a_reason(faulty: Server) -> None:
    with faulty.connect("/fault") as client:
        client.send("provoke it")
        assert client.recv(DEADLINE) == "so far so good"
        assert ending(client) == (1011, "")
    assert "KeyError" in faulty.log()
    assert faulty.ended("error") >= 1


def test_a_timeout_of_the_channel_itself_is_a_fault_and_not_a_drop(faulty: Server) -> None:
    with faulty.connect("/timeout") as client:
        assert ending(client) == (1011, "")


def test_messages_sent_before_a_channel_returns_still_arrive(faulty: Server) -> None:
    with faulty.connect("/finished") as client:
        assert client.recv(DEADLINE) == "that is all"
        assert ending(client) == (1000, "")


def test_the_channel_of_the_readme_works(faulty: Server) -> None:
    with faulty.connect("/news") as reporter:
        for message in ("text", b"binary"):
            reporter.send(message)
            assert reporter.recv(DEADLINE) == message


def test_a_burst_in_one_segment_overflows_no_outbox(faulty: Server, raw: EnterRaw) -> None:
    # This channel has no rate limit. Other readers get a turn only because a connection yields between messages.
    messages = 20_000
    with faulty.connect("/news") as reader:
        reader.send("ready")
        assert reader.recv(DEADLINE) == "ready"
        raw(faulty, "/news").socket.sendall(frame(TEXT, b"x") * messages)
        assert [reader.recv(DEADLINE) for _ in range(messages)] == ["x"] * messages
    assert faulty.ended("slow_consumer") == 0


def test_faults_leave_the_other_channels_alone(faulty: Server) -> None:
    with faulty.connect("/ws") as echo:
        with faulty.connect("/fault") as client:
            client.send("provoke it")
            client.recv(DEADLINE)
            ending(client)
        echo.send("still well?")
        assert echo.recv(DEADLINE) == "Message received: still well?"
