"""One client that joins a channel, sans-I/O: bytes in, bytes to send."""

from __future__ import annotations

from collections.abc import Iterable

from wsproof.wire import (
    MASKING,
    Accepted,
    BinaryMessage,
    CloseReceived,
    Peer,
    PongReceived,
    Refused,
    Request,
    TextMessage,
)
from wsproof.workloads import Conversation, Workload


class JoiningClient:
    """The handshake and the conversation of one client, up to the moment at which it has joined.

    After that it only answers: pings, a close frame, and messages that need an answer.
    """

    def __init__(self, request: Request, workload: Workload, member: int) -> None:
        self.peer = Peer(request, masking=MASKING)
        self.refusal = ""
        """The reason why it could not join; empty while it joins, and once it has joined."""
        self.pongs = 0
        self.is_closed = False
        """Whether a close frame of the server has arrived."""
        self._workload = workload
        self._member = member
        self._talk = Conversation(workload, member)

    @property
    def has_joined(self) -> bool:
        """Whether the handshake and the conversation are over."""
        return self._talk.is_joined

    def start(self) -> bytes:
        """The opening handshake."""
        self.peer.connect()
        return self.peer.data_to_send()

    def receive(self, data: bytes, now_ns: int) -> bytes:
        """Take bytes from the server. Returns what to send."""
        self.peer.receive_data(data)
        for event in self.peer.events_received():
            match event:
                case Accepted():
                    self._say(self._talk.start(now_ns))
                case Refused():
                    self.refusal = f"HTTP {event.response.status}"
                case PongReceived():
                    self.pongs += 1
                case CloseReceived():
                    self.is_closed = True
                case TextMessage():
                    self._hear(event.text, now_ns)
                case BinaryMessage():
                    self._hear(event.data, now_ns)
        self.peer.breaches.clear()
        self.refusal = self.refusal or self._talk.fault
        return self.peer.data_to_send()

    def end(self) -> None:
        """The connection has ended."""
        if not self.has_joined:
            self.refusal = self.refusal or "the connection ended before the client had joined"

    def ping(self, payload: bytes = b"") -> bytes:
        """A ping to send; empty if the connection is no longer open."""
        if not self.peer.may_send:
            return b""
        self.peer.send_ping(payload)
        return self.peer.data_to_send()

    def close(self) -> bytes:
        """A close frame to send; empty if the connection is no longer open."""
        if not self.peer.may_send:
            return b""
        self.peer.send_close()
        return self.peer.data_to_send()

    def _hear(self, message: str | bytes, now_ns: int) -> None:
        for part in self._workload.parts_of(message):
            needs_answer = self._workload.read(self._member, part).needs_answer
            if self._talk.is_joining or needs_answer:
                self._say(self._talk.receive(part, now_ns, needs_answer=needs_answer).messages)

    def _say(self, messages: Iterable[str | bytes]) -> None:
        for message in messages:
            if not self.peer.may_send:
                return
            if isinstance(message, str):
                self.peer.send_text(message)
            else:
                self.peer.send_binary(message)
