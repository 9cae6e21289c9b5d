"""Reader of one connection's messages, sans-I/O: `scan` for ordinary frames, a `Peer` for everything else.

This is the only place that knows when bytes go to which of the two:

- Between two messages, `scan` takes the ordinary frames at the front. The start of an ordinary frame waits for its end.
- From the first other byte on, the peer reads until it is between two messages again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from wsproof.wire.codes import Opcode
from wsproof.wire.events import BinaryMessage, Event, TextMessage
from wsproof.wire.fastpath import is_waiting, scan
from wsproof.wire.handshake import Request, accept_key
from wsproof.wire.peer import Peer

__all__ = ["MASKING", "MAX_WAITING_BYTES", "FrameTaker", "MessageReader"]

MASKING = partial(os.urandom, 4)
"""Returns a new random mask for a frame."""
MAX_WAITING_BYTES = 256 * 1024
"""Longest incomplete frame, in bytes, that waits for its end. The peer assembles longer frames, because it copies each
byte only once."""

FrameTaker = Callable[[bytes, list[int], int], int]
"""`take(data, spans, at_ns)` takes ordinary frames, which fill `data` from its start without a gap.

`spans` has the start and end offset of each payload, and a frame ends with its payload. The result is the number of
frames taken. A smaller number than given means that the next frame is text and not valid UTF-8. The peer then reads it
and all that follows.
"""


class MessageReader:
    """Reads the messages of one connection.

    `peer` may be None between two messages. A reader without a peer is small, and makes a peer when it needs one.
    `release` drops a peer that is no longer needed. An owner that sends through the peer must keep it.
    """

    __slots__ = ("_rest", "peer")

    def __init__(self, peer: Peer | None) -> None:
        self.peer = peer
        self._rest = b""

    @property
    def is_at_frame_start(self) -> bool:
        """Whether the next byte starts a frame that `scan` may take, and no peer is kept."""
        return self.peer is None and not self._rest

    @property
    def is_between_frames(self) -> bool:
        """Whether the last byte read was the last one of a frame."""
        return not self._rest and (self.peer is None or self.peer.is_between_frames)

    def read(self, data: bytes, take: FrameTaker, at_ns: int) -> list[Event] | None:
        """Read bytes in pieces of any size.

        Ordinary frames go to `take`, which gets `at_ns` too. The peer reads what follows them, and the result is its
        events; None if nothing was left for it. Afterwards the caller handles the breaches and the answers of `peer`.
        """
        if self._rest:
            data, self._rest = self._rest + data, b""
        peer = self.peer
        if peer is None or (peer.reads_plain_frames and len(data) <= peer.max_message_bytes):
            data = self._read_ordinary(data, take, at_ns)
            if not data:
                return None
            if peer is None:
                peer = self.peer = peer_of_open_connection()
        peer.receive_data(data)
        return peer.events_received()

    def read_events(self, data: bytes) -> list[Event]:
        """Read bytes in pieces of any size, and return all messages as events."""
        events: list[Event] = []

        def take(data: bytes, spans: list[int], _at_ns: int) -> int:
            start = 0
            for at in range(0, len(spans), 2):
                payload = data[spans[at] : spans[at + 1]]
                try:
                    is_text = data[start] & 0x0F == Opcode.TEXT
                    events.append(TextMessage(payload.decode(), 1) if is_text else BinaryMessage(payload, 1))
                except UnicodeDecodeError:
                    return at // 2
                start = spans[at + 1]
            return len(spans) // 2

        rest = self.read(data, take, 0)
        return events + rest if rest else events

    @property
    def waiting_bytes(self) -> int:
        """The number of bytes of a frame whose end has not come yet."""
        return len(self._rest)

    def take_rest(self) -> bytes:
        """Take the start of a frame whose end has not come yet, to read it elsewhere together with what follows."""
        rest, self._rest = self._rest, b""
        return rest

    def put_back(self, rest: bytes) -> None:
        """Take back the start of a frame, which was read elsewhere. What follows it comes next."""
        self._rest = rest

    def receive_eof(self) -> list[Event]:
        """Handle the end of the stream. Does nothing without a peer."""
        if self.peer is None:
            return []
        if self._rest:
            self.peer.receive_data(self._rest)
            self._rest = b""
        self.peer.receive_eof()
        return self.peer.events_received()

    def release(self) -> None:
        """Drop the peer if the next frame may be an ordinary one."""
        if self.peer is not None and self.peer.reads_plain_frames:
            self.peer = None

    def _read_ordinary(self, data: bytes, take: FrameTaker, at_ns: int) -> bytes:
        """Let `take` have the ordinary frames at the front. Returns what the peer must read."""
        spans: list[int] = []
        stop = scan(data, 0, len(data), spans)
        if spans:
            taken = 2 * take(data, spans, at_ns)
            if taken < len(spans):
                return data[spans[taken - 1] :] if taken else data
        if stop == len(data):
            return b""
        rest = data[stop:] if stop else data
        limit = MAX_WAITING_BYTES if self.peer is None else min(MAX_WAITING_BYTES, self.peer.max_message_bytes)
        if len(rest) <= limit and is_waiting(rest, 0, len(rest), max_payload_bytes=limit):
            self._rest = rest
            return b""
        return rest


_REPLAYED = Request(host="localhost", path="/", key="d3Nwcm9vZiByZXBsYXllZA==")
_REPLAYED_ANSWER = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Accept: {accept_key(_REPLAYED.key)}\r\n\r\n"
).encode()


def peer_of_open_connection() -> Peer:
    """Create a peer for a connection that is already open, by replaying a handshake to it.

    The real handshake was checked when it happened. To keep a peer for each connection would take ten times the memory
    of the connection itself.
    """
    peer = Peer(_REPLAYED, masking=MASKING)
    peer.receive_data(_REPLAYED_ANSWER)
    peer.events_received()
    return peer
