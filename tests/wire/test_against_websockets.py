"""Tests of random conversations with the server side of `websockets`: no violation, no loss."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Frame as TheirFrame
from websockets.frames import Opcode as TheirOpcode
from websockets.protocol import State as TheirState
from websockets.server import ServerProtocol

from tests.wire.conversations import a_peer, a_request, in_pieces, payloads, texts, their_server
from wsproof.wire import (
    Accepted,
    BinaryMessage,
    CloseReceived,
    DeflateOffer,
    Ended,
    Event,
    Frame,
    PingReceived,
    PongReceived,
    State,
    TextMessage,
    audit_response,
)

DATA = (1, 2)


@dataclass(frozen=True)
class PlannedSend:
    """One message or control frame. A data message is cut into fragments, with an optional ping after each."""

    opcode: int
    payload: bytes
    cuts: tuple[int, ...] = ()
    ping_between: bool = False

    def fragments(self) -> list[tuple[int, bytes, bool]]:
        """Return opcode, payload and FIN of every frame."""
        parts = in_pieces(self.payload, list(self.cuts)) or [b""]
        last = len(parts) - 1
        return [(self.opcode if at == 0 else 0, part, at == last) for at, part in enumerate(parts)]


cut_lists = st.lists(st.integers(0, 70_000), max_size=3).map(tuple)
planned_sends = st.one_of(
    st.builds(PlannedSend, st.just(1), texts.map(str.encode), cut_lists, st.booleans()),
    st.builds(PlannedSend, st.just(2), payloads, cut_lists, st.booleans()),
    st.builds(PlannedSend, st.sampled_from([9, 10]), st.binary(max_size=125)),
)
planned = st.lists(st.tuples(st.booleans(), planned_sends), max_size=8)
segments = st.lists(st.integers(0, 100_000), max_size=6)
windows = st.none() | st.integers(9, 15)
deflates = st.builds(
    ServerPerMessageDeflateFactory,
    server_no_context_takeover=st.booleans(),
    client_no_context_takeover=st.booleans(),
    server_max_window_bits=windows,
    client_max_window_bits=windows,
)
offers = st.builds(
    DeflateOffer,
    server_no_context_takeover=st.booleans(),
    client_no_context_takeover=st.booleans(),
    server_max_window_bits=windows,
    client_max_window_bits=st.none() | st.just(True) | st.integers(9, 15),
)


class ConnectedPair:
    """Our peer, their server, and a wire between them that cuts the bytes at the same positions."""

    def __init__(
        self,
        cuts: list[int],
        offer: DeflateOffer | None = None,
        deflate: ServerPerMessageDeflateFactory | None = None,
    ) -> None:
        self.cuts = cuts
        request = a_request(extensions=(offer.encode(),) if offer else ())
        self.peer = a_peer(request)
        self.server = their_server(request.encode(), deflate=deflate)
        self.received_by_peer: list[Event] = []
        self.received_by_server: list[TheirFrame] = []
        self.carry()

    def carry(self) -> None:
        """Move all bytes, in pieces, until both sides have nothing to send."""
        while True:
            down, up = b"".join(self.server.data_to_send()), self.peer.data_to_send()
            if not down and not up:
                return
            for piece in in_pieces(down, self.cuts):
                self.peer.receive_data(piece)
            for piece in in_pieces(up, self.cuts):
                self.server.receive_data(piece)
            self.received_by_peer += self.peer.events_received()
            for event in self.server.events_received():
                assert isinstance(event, TheirFrame)
                self.received_by_server.append(event)

    def server_sends(self, sent: PlannedSend) -> None:
        if sent.opcode not in DATA:
            (self.server.send_ping if sent.opcode == 9 else self.server.send_pong)(sent.payload)
            return
        for opcode, payload, fin in sent.fragments():
            if opcode:
                (self.server.send_text if opcode == 1 else self.server.send_binary)(payload, fin)
            else:
                self.server.send_continuation(payload, fin)
            if sent.ping_between:
                self.server.send_ping(b"between")

    def peer_sends(self, sent: PlannedSend) -> None:
        if sent.opcode not in DATA:
            (self.peer.send_ping if sent.opcode == 9 else self.peer.send_pong)(sent.payload)
        elif len(sent.fragments()) == 1 and not sent.ping_between:
            self.peer.send_text(sent.payload.decode()) if sent.opcode == 1 else self.peer.send_binary(sent.payload)
        else:
            for opcode, payload, fin in sent.fragments():
                self.peer.send_frame(Frame(opcode, payload, fin))
                if sent.ping_between:
                    self.peer.send_ping(b"between")


def messages_of_frames(frames: list[TheirFrame]) -> list[tuple[int, bytes]]:
    """Return the messages and control frames in their frames, and leave out pongs to their own pings."""
    messages: list[tuple[int, bytes]] = []
    opcode, data = 0, b""
    for frame in frames:
        if frame.opcode in (TheirOpcode.PING, TheirOpcode.PONG):
            messages.append((int(frame.opcode), bytes(frame.data)))
            continue
        opcode, data = (int(frame.opcode), b"") if frame.opcode else (opcode, data)
        data += bytes(frame.data)
        if frame.fin:
            messages.append((opcode, data))
    return messages


def messages_of_events(events: list[Event]) -> list[tuple[int, bytes]]:
    """Return the messages and control frames in our events, in the same form."""
    messages: list[tuple[int, bytes]] = []
    for event in events:
        if isinstance(event, TextMessage):
            messages.append((1, event.text.encode()))
        elif isinstance(event, BinaryMessage):
            messages.append((2, event.data))
        elif isinstance(event, PingReceived):
            messages.append((9, event.payload))
        elif isinstance(event, PongReceived):
            messages.append((10, event.payload))
    return messages


def expected_of(sent: PlannedSend) -> list[tuple[int, bytes]]:
    """Return the messages that the other side receives for one `PlannedSend`."""
    if sent.opcode not in DATA:
        return [(sent.opcode, sent.payload)]
    pings = [(9, b"between")] * len(sent.fragments()) if sent.ping_between else []
    # The message is complete with its last fragment, after which comes one more ping.
    return [*pings[1:], (sent.opcode, sent.payload), *pings[:1]]


def check_conversation(pair: ConnectedPair, planned: list[tuple[bool, PlannedSend]]) -> None:
    """Send everything. Then each side has received all messages of the other in order, and a pong for every ping."""
    down: list[tuple[int, bytes]] = []
    up: list[tuple[int, bytes]] = []
    for from_server, sent in planned:
        (pair.server_sends if from_server else pair.peer_sends)(sent)
        pair.carry()
        to_receiver, to_sender = (down, up) if from_server else (up, down)
        to_receiver += expected_of(sent)
        to_sender += [(10, payload) for opcode, payload in expected_of(sent) if opcode == 9]
    assert isinstance(pair.received_by_peer[0], Accepted)
    assert messages_of_events(pair.received_by_peer) == down
    assert messages_of_frames(pair.received_by_server) == up
    assert pair.peer.breaches == []
    assert pair.server.state is TheirState.OPEN
    assert pair.peer.is_between_messages


@given(planned, segments)
def test_both_sides_receive_every_message_of_the_other(
    planned: list[tuple[bool, PlannedSend]], cuts: list[int]
) -> None:
    check_conversation(ConnectedPair(cuts), planned)


@given(planned, segments, offers, deflates)
def test_both_sides_receive_every_compressed_message_of_the_other(
    planned: list[tuple[bool, PlannedSend]],
    cuts: list[int],
    offer: DeflateOffer,
    deflate: ServerPerMessageDeflateFactory,
) -> None:
    check_conversation(ConnectedPair(cuts, offer, deflate), planned)


def test_a_compressed_conversation_sends_fewer_bytes_in_both_directions() -> None:
    pair = ConnectedPair([], DeflateOffer(client_max_window_bits=True), ServerPerMessageDeflateFactory())
    assert pair.peer.deflate is not None
    pair.peer.send_text("a" * 1000)
    assert len(pair.peer.data_to_send()) < 50
    pair.server.send_text(b"a" * 1000)
    (data,) = pair.server.data_to_send()
    assert len(data) < 50
    pair.peer.receive_data(data)
    assert pair.peer.events_received() == [TextMessage("a" * 1000, 1)]


codes = st.none() | st.sampled_from([1000, 1001, 1011, 3000, 4999])


@given(codes, st.text(max_size=20), segments, st.booleans())
def test_a_close_by_either_side_ends_cleanly_on_both(
    code: int | None, reason: str, cuts: list[int], from_server: bool
) -> None:
    reason = reason if code is not None else ""
    pair = ConnectedPair(cuts)
    if from_server and code is None:
        pair.server.send_close()
    elif from_server:
        pair.server.send_close(code, reason)
    else:
        pair.peer.send_close(code, reason)
    pair.carry()
    assert pair.peer.state is State.CLOSING
    pair.peer.receive_eof()
    pair.server.receive_eof()
    assert pair.peer.events_received() == [Ended(clean=True)]
    assert pair.server.state is TheirState.CLOSED
    assert pair.peer.breaches == []
    closes = [event for event in pair.received_by_peer if isinstance(event, CloseReceived)]
    assert closes == [CloseReceived(code, reason if from_server else closes[0].reason)]
    assert pair.server.close_code == (1005 if code is None else code)
    if not from_server:
        assert pair.server.close_reason == reason


@given(st.lists(st.sampled_from(["chat", "a.b", "x+json"]), unique=True, max_size=3), offers, deflates)
def test_valid_responses_of_websockets_break_no_rule(
    names: list[str], offer: DeflateOffer, deflate: ServerPerMessageDeflateFactory
) -> None:
    request = a_request(subprotocols=tuple(names), extensions=(offer.encode(),), origin="http://localhost")
    peer = a_peer(request)
    peer.receive_data(b"".join(their_server(request.encode(), deflate=deflate).data_to_send()))
    assert peer.response is not None
    assert audit_response(request, peer.response) == []
    assert peer.breaches == []


@given(st.sampled_from(["key", "version", "upgrade", "connection"]), st.sampled_from(["", "x", "99", "a, b"]))
def test_a_refusal_by_websockets_is_read(field: str, value: str) -> None:
    server = ServerProtocol()
    request = a_request(**{field: value})
    server.receive_data(request.encode())
    (event,) = server.events_received()
    server.send_response(server.accept(event))  # type: ignore[arg-type]
    peer = a_peer(request)
    peer.receive_data(b"".join(server.data_to_send()))
    peer.receive_eof()
    assert peer.response is not None
    assert peer.response.status in (400, 426)
    assert peer.breaches == []
    assert peer.state is State.CLOSED
