"""Tests of the peer's methods and events, one conversation at a time."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.wire.conversations import (
    MASK,
    a_peer,
    a_request,
    an_open_peer,
    cut_points,
    in_pieces,
    response_head,
    rules_of,
)
from wsproof.wire import (
    Accepted,
    BinaryMessage,
    CloseReceived,
    Ended,
    Frame,
    FrameDecoder,
    FrameReceived,
    MessageDropped,
    Opcode,
    Peer,
    PingReceived,
    PongReceived,
    Refused,
    SendRefused,
    State,
    TextMessage,
)


def sent_frames(peer: Peer) -> list[Frame]:
    """Return the frames that the peer has sent since the last call."""
    decoder = FrameDecoder()
    decoder.feed(peer.data_to_send())
    frames = []
    while (frame := decoder.next_frame()) is not None:
        frames.append(frame)
    assert decoder.is_between_frames
    return frames


def sent_messages(peer: Peer) -> list[tuple[int, bytes]]:
    """Return opcode and payload of the peer's frames, each of which must be masked and final."""
    frames = sent_frames(peer)
    assert all(frame.mask is not None and frame.fin for frame in frames)
    return [(frame.opcode, frame.payload) for frame in frames]


def test_connecting_sends_the_request_and_nothing_else() -> None:
    peer = Peer(a_request(), masking=lambda: MASK)
    assert peer.data_to_send() == b""
    peer.connect()
    assert peer.data_to_send() == a_request().encode()
    assert peer.data_to_send() == b""


def test_frames_in_the_segment_of_the_response_are_read() -> None:
    peer = a_peer()
    peer.receive_data(response_head() + Frame(Opcode.TEXT, b"hi").encode() + b"\x81")
    first, second = peer.events_received()
    assert isinstance(first, Accepted)
    assert second == TextMessage("hi", 1)
    assert peer.response is first.response
    assert not peer.is_between_messages


@given(cut_points)
def test_a_refusal_is_reported_with_its_body_for_any_segmentation(cuts: list[int]) -> None:
    peer = a_peer()
    for piece in in_pieces(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnope", cuts):
        assert peer.state is State.CONNECTING
        peer.receive_data(piece)
    (event,) = peer.events_received()
    assert isinstance(event, Refused)
    assert (event.response.status, event.body) == (403, b"nope")
    assert peer.state is State.CLOSED
    peer.receive_eof()
    assert peer.events_received() == [Ended(clean=False)]


@given(cut_points)
def test_a_chunked_refusal_is_assembled(cuts: list[int]) -> None:
    peer = a_peer()
    data = b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
    for piece in in_pieces(data, cuts):
        peer.receive_data(piece)
    (event,) = peer.events_received()
    assert isinstance(event, Refused)
    assert event.body == b"abcde"


def test_the_body_of_a_refusal_without_a_length_ends_with_tcp() -> None:
    peer = a_peer()
    peer.receive_data(b"HTTP/1.1 400 Bad\r\n\r\nwhy")
    assert peer.events_received() == []
    peer.receive_eof()
    refused, ended = peer.events_received()
    assert isinstance(refused, Refused)
    assert refused.body == b"why"
    assert ended == Ended(clean=False)


def test_the_body_of_an_endless_refusal_is_truncated() -> None:
    peer = a_peer()
    peer.receive_data(b"HTTP/1.1 400 Bad\r\n\r\n" + bytes(100_000))
    (refused,) = peer.events_received()
    assert isinstance(refused, Refused)
    assert len(refused.body) == 64 * 1024


def test_an_answer_that_is_not_http_is_a_breach_and_a_refusal_with_status_0() -> None:
    peer = a_peer()
    peer.receive_data(b"SSH-2.0-x\r\n\r\n")
    (refused,) = peer.events_received()
    assert isinstance(refused, Refused)
    assert (refused.response.status, refused.body) == (0, b"SSH-2.0-x\r\n\r\n")
    assert rules_of(peer) == ["not-http"]
    assert peer.state is State.CLOSED


def test_the_end_of_tcp_before_an_answer_is_an_unclean_end() -> None:
    peer = a_peer()
    peer.receive_data(b"HTTP/1.1 101")
    peer.receive_eof()
    peer.receive_eof()
    assert peer.events_received() == [Ended(clean=False)]
    assert peer.state is State.CLOSED


def test_data_after_the_end_of_tcp_raises_a_value_error() -> None:
    peer = an_open_peer()
    peer.receive_eof()
    with pytest.raises(ValueError, match="receive_eof"):
        peer.receive_data(b"x")


def test_a_ping_is_answered_with_its_payload_unless_automatic_answers_are_off() -> None:
    peer = an_open_peer()
    peer.receive_data(Frame(Opcode.PING, b"abc").encode())
    assert peer.events_received() == [PingReceived(b"abc")]
    assert sent_messages(peer) == [(Opcode.PONG, b"abc")]

    silent = an_open_peer(answer_pings=False)
    silent.receive_data(Frame(Opcode.PING, b"abc").encode())
    assert silent.events_received() == [PingReceived(b"abc")]
    assert silent.data_to_send() == b""


def test_a_close_is_answered_with_its_code_and_ends_clean() -> None:
    peer = an_open_peer()
    peer.receive_data(Frame(Opcode.CLOSE, b"\x0f\xa0bye").encode())
    assert peer.events_received() == [CloseReceived(4000, "bye")]
    assert peer.close_received == (4000, "bye")
    assert sent_messages(peer) == [(Opcode.CLOSE, b"\x0f\xa0")]
    assert peer.state is State.CLOSING
    peer.receive_eof()
    assert peer.events_received() == [Ended(clean=True)]


def test_a_close_without_code_is_answered_without_code() -> None:
    peer = an_open_peer()
    peer.receive_data(Frame(Opcode.CLOSE).encode())
    assert peer.events_received() == [CloseReceived(None, "")]
    assert sent_messages(peer) == [(Opcode.CLOSE, b"")]


def test_an_invalid_close_is_answered_with_1002() -> None:
    peer = an_open_peer()
    peer.receive_data(Frame(Opcode.CLOSE, b"\x03\xed").encode())
    assert sent_messages(peer) == [(Opcode.CLOSE, b"\x03\xea")]


def test_without_automatic_answers_a_close_is_not_answered_and_data_can_still_be_sent() -> None:
    peer = an_open_peer(answer_close=False)
    peer.receive_data(Frame(Opcode.CLOSE, b"\x03\xe8").encode())
    assert peer.data_to_send() == b""
    peer.send_text("last")  # 5.5.1: an endpoint may finish what it was sending before it answers
    peer.send_close(1000)
    assert sent_messages(peer) == [(Opcode.TEXT, b"last"), (Opcode.CLOSE, b"\x03\xe8")]


def test_messages_are_received_until_the_server_answers_our_close() -> None:
    peer = an_open_peer()
    peer.send_close(1000, "done")
    assert sent_messages(peer) == [(Opcode.CLOSE, b"\x03\xe8done")]
    assert peer.close_sent == (1000, "done")
    peer.receive_data(Frame(Opcode.TEXT, b"late").encode() + Frame(Opcode.PING).encode())
    peer.receive_data(Frame(Opcode.CLOSE, b"\x03\xe8").encode())
    peer.receive_eof()
    assert peer.events_received() == [
        TextMessage("late", 1),
        PingReceived(b""),
        CloseReceived(1000, ""),
        Ended(clean=True),
    ]
    assert peer.data_to_send() == b""
    assert peer.breaches == []


@pytest.mark.parametrize("closing", [True, False])
def test_an_end_without_both_close_frames_is_not_clean(closing: bool) -> None:
    peer = an_open_peer()
    if closing:
        peer.send_close()
    peer.receive_eof()
    assert peer.events_received() == [Ended(clean=False)]


def test_an_end_inside_a_frame_is_not_clean() -> None:
    peer = an_open_peer()
    peer.receive_data(Frame(Opcode.CLOSE).encode() + b"\x88")
    peer.receive_eof()
    assert peer.events_received() == [CloseReceived(None, ""), Ended(clean=False)]


@pytest.mark.parametrize("verb", ["send_text", "send_binary", "send_ping", "send_pong", "send_close"])
def test_a_send_in_the_wrong_state_raises_and_sends_nothing(verb: str) -> None:
    argument = {"send_text": "x", "send_close": 1000}.get(verb, b"x")
    closing = an_open_peer()
    closing.send_close()
    closing.data_to_send()
    for peer in (a_peer(), closing):
        with pytest.raises(SendRefused, match="send_frame"):
            getattr(peer, verb)(argument)
        assert peer.data_to_send() == b""


def test_a_control_frame_that_is_too_long_is_refused() -> None:
    peer = an_open_peer()
    peer.send_ping(bytes(125))
    with pytest.raises(SendRefused, match="126"):
        peer.send_ping(bytes(126))
    assert len(sent_messages(peer)) == 1


def test_any_frame_and_any_bytes_can_be_sent_before_the_handshake_is_accepted() -> None:
    peer = a_peer()
    peer.send_frame(Frame(3, b"a", rsv=7), masked=False)
    peer.send_frame(Frame(Opcode.TEXT, b"b", mask=b"\0\0\0\0"))
    peer.send_frame(Frame(Opcode.TEXT, b"c", fin=False))
    peer.send_raw(b"\xff")
    data = peer.data_to_send()
    assert data[:3] == Frame(3, b"a", rsv=7).encode()
    assert data[3:10] == b"\x81\x81\0\0\0\0b"
    assert data[10:12] == b"\x01\x81"
    assert data[-1:] == b"\xff"
    assert peer.state is State.CONNECTING


def test_every_frame_gets_a_fresh_mask() -> None:
    peer = an_open_peer()
    peer.send_text("a")
    peer.send_text("a")
    first, second = sent_frames(peer)
    assert first.mask != second.mask


def test_fragments_with_control_frames_between_are_one_message() -> None:
    peer = an_open_peer()
    peer.receive_data(
        Frame(Opcode.TEXT, "é".encode()[:1], fin=False).encode()
        + Frame(Opcode.PING, b"1").encode()
        + Frame(Opcode.CONTINUATION, "é".encode()[1:], fin=False).encode()
        + Frame(Opcode.PONG, b"2").encode()
        + Frame(Opcode.CONTINUATION).encode()
        + Frame(Opcode.BINARY, b"\0").encode()
    )
    assert peer.events_received() == [
        PingReceived(b"1"),
        PongReceived(b"2"),
        TextMessage("é", 3),
        BinaryMessage(b"\0", 1),
    ]
    assert peer.breaches == []


def test_a_peer_inside_a_frame_or_a_message_is_not_between_messages() -> None:
    peer = a_peer()
    is_between = [peer.is_between_messages]
    for data in (response_head(), b"\x01\x01", b"a", b"\x80", b"\x00"):
        peer.receive_data(data)
        is_between.append(peer.is_between_messages)
    peer.send_close()
    is_between.append(peer.is_between_messages)
    assert is_between == [False, True, False, False, False, True, False]


def test_keep_frames_reports_every_frame_as_an_event() -> None:
    peer = an_open_peer(keep_frames=True)
    peer.receive_data(b"\x81\x01a\x83\x00")
    assert peer.events_received() == [
        FrameReceived(Frame(Opcode.TEXT, b"a")),
        TextMessage("a", 1),
        FrameReceived(Frame(3)),
    ]


def test_a_frame_over_our_limit_is_dropped_and_reading_goes_on() -> None:
    peer = an_open_peer(max_message_bytes=10)
    peer.receive_data(Frame(Opcode.TEXT, b"x" * 11).encode() + Frame(Opcode.TEXT, b"y" * 10).encode())
    dropped, kept = peer.events_received()
    assert isinstance(dropped, MessageDropped)
    assert "11 bytes" in dropped.why
    assert kept == TextMessage("y" * 10, 1)
    assert peer.breaches == []


def test_a_fragmented_message_over_our_limit_is_dropped_whole() -> None:
    peer = an_open_peer(max_message_bytes=10)
    peer.receive_data(Frame(Opcode.BINARY, b"x" * 6, fin=False).encode())
    peer.receive_data(Frame(Opcode.CONTINUATION, b"x" * 6, fin=False).encode())
    peer.receive_data(Frame(Opcode.CONTINUATION, b"x").encode() + Frame(Opcode.BINARY, b"y").encode())
    dropped, kept = peer.events_received()
    assert dropped == MessageDropped("the message is over our limit of 10 bytes", 3)
    assert kept == BinaryMessage(b"y", 1)


def test_a_ping_that_is_too_long_is_not_echoed() -> None:
    peer = an_open_peer()
    peer.receive_data(Frame(Opcode.PING, bytes(126)).encode())
    assert rules_of(peer) == ["control-too-long"]
    assert peer.data_to_send() == b""


def test_a_chunk_that_is_cut_by_the_end_of_tcp_is_left_out() -> None:
    peer = a_peer()
    peer.receive_data(b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\nde")
    peer.receive_eof()
    refused, _ = peer.events_received()
    assert isinstance(refused, Refused)
    assert refused.body == b"abc"


HTTP = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nno opcode 8\r\n" + b"x" * 200


@given(cut_points)
def test_an_http_response_among_frames_is_kept_unchanged(cuts: list[int]) -> None:
    peer = an_open_peer(keep_frames=True)
    for piece in in_pieces(b"\x8a\x00" + HTTP, cuts):
        peer.receive_data(piece)
    peer.receive_eof()
    assert peer.http_behind == HTTP
    assert [(breach.rule, breach.evidence) for breach in peer.breaches] == [
        ("http-among-frames", "HTTP/1.1 400 Bad Request")
    ]
    kinds = [type(event) for event in peer.events_received()]
    assert kinds == [FrameReceived, PongReceived, Ended]
    assert not peer.is_between_messages


def test_a_truncated_http_line_is_reported_at_the_end() -> None:
    peer = an_open_peer()
    peer.receive_data(b"HTTP/1.1 40")
    assert peer.breaches == []
    peer.receive_eof()
    assert [breach.evidence for breach in peer.breaches] == ["HTTP/1.1 40"]


def test_a_flood_of_http_among_frames_is_kept_up_to_a_limit() -> None:
    peer = an_open_peer()
    for _ in range(100):
        peer.receive_data(b"HTTP/1.1 400 Bad Request\r\n" + b"x" * 10_000)
    assert len(peer.http_behind) == 64 * 1024
    assert len(peer.breaches) == 1
