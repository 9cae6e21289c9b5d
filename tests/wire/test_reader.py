"""Tests that the reader's messages do not depend on the cuts, and that the peer gets every byte it needs."""

from __future__ import annotations

import pytest

from wsproof.wire import (
    BinaryMessage,
    CloseReceived,
    Ended,
    Event,
    Frame,
    MessageDropped,
    MessageReader,
    Opcode,
    Peer,
    PingReceived,
    Request,
    TextMessage,
    accept_key,
)
from wsproof.wire.reader import MAX_WAITING_BYTES, peer_of_open_connection

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ANSWER = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Accept: {accept_key(KEY)}\r\n\r\n"
).encode()
CLOSE = Frame(Opcode.CLOSE, (1000).to_bytes(2, "big")).encode()


def text(payload: bytes) -> bytes:
    return Frame(Opcode.TEXT, payload).encode()


def new_peer(**options: bool | int) -> Peer:
    peer = Peer(Request("localhost", "/", KEY), masking=lambda: b"mask", **options)  # type: ignore[arg-type]
    peer.receive_data(ANSWER)
    peer.events_received()
    return peer


def read_all(reader: MessageReader, *pieces: bytes) -> list[Event]:
    return [event for piece in pieces for event in reader.read_events(piece)]


class FrameSink:
    """Accepts ordinary frames, and refuses a text that is not UTF-8."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.at_ns: list[int] = []

    def __call__(self, data: bytes, spans: list[int], at_ns: int) -> int:
        start = 0
        for at in range(0, len(spans), 2):
            frame = data[start : spans[at + 1]]
            if frame[0] == 0x81:
                try:
                    data[spans[at] : spans[at + 1]].decode()
                except UnicodeDecodeError:
                    return at // 2
            self.frames.append(frame)
            self.at_ns.append(at_ns)
            start = spans[at + 1]
        return len(spans) // 2


STREAM = (
    text(b"one")
    + Frame(Opcode.BINARY, b"\x00" * 200).encode()
    + Frame(Opcode.PING, b"p").encode()
    + Frame(Opcode.TEXT, b"in two ", fin=False).encode()
    + Frame(Opcode.CONTINUATION, b"parts").encode()
    + text(b"last")
)
MESSAGES = [
    TextMessage("one", 1),
    BinaryMessage(b"\x00" * 200, 1),
    PingReceived(b"p"),
    TextMessage("in two parts", 2),
    TextMessage("last", 1),
]


@pytest.mark.parametrize("keeps_peer", [True, False])
def test_the_events_are_the_same_wherever_the_stream_is_cut(keeps_peer: bool) -> None:
    for cut in range(len(STREAM) + 1):
        reader = MessageReader(new_peer())
        events: list[Event] = []
        for piece in (STREAM[:cut], STREAM[cut:]):
            events += reader.read_events(piece)
            if not keeps_peer:
                reader.release()
        assert events == MESSAGES, cut


def test_single_bytes_give_the_same_events() -> None:
    reader = MessageReader(new_peer())
    assert read_all(reader, *(STREAM[at : at + 1] for at in range(len(STREAM)))) == MESSAGES


def test_ordinary_frames_never_reach_the_peer() -> None:
    reader, sink = MessageReader(None), FrameSink()
    assert reader.read(text(b"a") + text(b"b"), sink, 7) is None
    assert (sink.frames, sink.at_ns) == ([text(b"a"), text(b"b")], [7, 7])
    assert reader.peer is None


def test_the_reader_waits_for_the_rest_of_a_frame() -> None:
    reader, sink = MessageReader(None), FrameSink()
    is_at_start = []
    for piece in (text(b"hello")[:3], text(b"hello")[3:]):
        reader.read(piece, sink, 0)
        is_at_start.append(reader.is_at_frame_start)
    assert is_at_start == [False, True]
    assert sink.frames == [text(b"hello")]


def test_the_reader_creates_a_peer_for_a_ping_and_releases_it_afterwards() -> None:
    reader = MessageReader(None)
    assert reader.read(Frame(Opcode.PING, b"p").encode(), FrameSink(), 0) == [PingReceived(b"p")]
    peer = reader.peer
    assert peer is not None
    assert peer.data_to_send()
    reader.release()
    assert reader.is_at_frame_start


def test_a_peer_inside_a_message_is_not_released() -> None:
    reader = MessageReader(None)
    reader.read(Frame(Opcode.TEXT, b"a", fin=False).encode(), FrameSink(), 0)
    reader.release()
    assert reader.peer is not None


def test_a_text_that_is_not_utf8_is_a_breach_and_the_messages_around_it_are_read() -> None:
    reader = MessageReader(new_peer())
    events = reader.read_events(text(b"a") + text(b"\xff") + text(b"b"))
    assert events == [TextMessage("a", 1), TextMessage("\N{REPLACEMENT CHARACTER}", 1), TextMessage("b", 1)]
    assert reader.peer is not None
    assert [breach.rule for breach in reader.peer.breaches] == ["text-utf8"]


def test_the_peer_gets_the_start_of_a_frame_when_our_close_is_sent_before_its_end() -> None:
    reader = MessageReader(new_peer())
    assert reader.peer is not None
    frame = text(b"hello")
    reader.read_events(frame[:3])
    reader.peer.send_close()
    assert reader.read_events(frame[3:] + CLOSE) == [TextMessage("hello", 1), CloseReceived(1000, "")]
    assert reader.peer.breaches == []


def test_an_end_inside_a_frame_is_not_clean() -> None:
    reader = MessageReader(new_peer())
    assert reader.peer is not None
    reader.read_events(text(b"hello")[:3])
    reader.peer.send_close()
    assert reader.receive_eof() == [Ended(clean=False)]


def test_a_compressed_connection_is_read_by_the_peer_alone() -> None:
    peer = Peer(Request("localhost", "/", KEY, extensions=("permessage-deflate",)), masking=lambda: b"mask")
    peer.receive_data(ANSWER[:-2] + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
    peer.events_received()
    reader, sink = MessageReader(peer), FrameSink()
    assert reader.read(text(b"plain"), sink, 0) == [TextMessage("plain", 1)]
    reader.release()
    assert (reader.peer, sink.frames) == (peer, [])


def test_the_reader_returns_the_frames_that_its_peer_keeps() -> None:
    reader = MessageReader(new_peer(keep_frames=True))
    assert len(reader.read_events(text(b"a"))) == 2


@pytest.mark.parametrize("cut", [0, 5, 1002])
def test_a_message_over_the_limit_is_dropped_for_any_segmentation(cut: int) -> None:
    reader = MessageReader(new_peer(max_message_bytes=100))
    stream = text(b"x" * 1000)
    events = read_all(reader, stream[:cut], stream[cut:], text(b"next"))
    assert [type(event) for event in events] == [MessageDropped, TextMessage]


def test_the_peer_assembles_a_frame_that_is_too_long_to_wait_for() -> None:
    reader, sink = MessageReader(None), FrameSink()
    stream = text(b"x" * (MAX_WAITING_BYTES + 1))
    reader.read(stream[:100], sink, 0)
    assert reader.peer is not None
    assert reader.read(stream[100:], sink, 0) == [TextMessage("x" * (MAX_WAITING_BYTES + 1), 1)]


def test_the_peer_of_an_open_connection_is_open_and_reports_no_breach() -> None:
    peer = peer_of_open_connection()
    assert (peer.reads_plain_frames, peer.breaches, peer.data_to_send()) == (True, [], b"")
