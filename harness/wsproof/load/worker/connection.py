"""One member's connection: one look-up for a read that is one known frame, `wire.MessageReader` for other reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from time import monotonic_ns
from typing import Protocol, cast

from wsproof.load.worker.conversation_timers import ConversationTimers
from wsproof.load.worker.handshake_cache import HandshakeCache
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.load.worker.socket_transport import READ_BYTES
from wsproof.model.history import Departure
from wsproof.wire import (
    MASKING,
    Accepted,
    BinaryMessage,
    CloseCode,
    CloseReceived,
    Event,
    Frame,
    MessageDropped,
    MessageReader,
    Opcode,
    Peer,
    Refused,
    Request,
    State,
    TextMessage,
)
from wsproof.workloads import Conversation, Message, MessageKind


class Transport(Protocol):
    """The interface of a transport: a SocketTransport or a TlsTransport."""

    @property
    def is_stamped(self) -> bool: ...

    @property
    def woke_ns(self) -> int: ...

    def write(self, data: bytes, /) -> None: ...

    def write_stamped(self, data: bytes, /) -> int: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...

    def is_closing(self) -> bool: ...

    def get_write_buffer_size(self) -> int: ...

    def take_back(self) -> tuple[int, bytes] | None: ...


class ConnectionOwner(Protocol):
    """State that the connections of a worker share: recorder, handshake cache, timers and pacer.

    A publication may become due during a burst of reads, so each read callback compares the time with `due_ns`.
    """

    recorder: WorkerRecorder
    handshakes: HandshakeCache
    timers: ConversationTimers
    due_ns: int

    def fire(self) -> None:
        """Send the publications that are due."""

    def heard(self, connection: Connection) -> None:
        """Note that a member has had its first receipt, so it is in."""

    def ended(self, connection: Connection) -> None:
        """Note that a connection has ended."""


class Connection:
    """A member's connection.

    Its transport hands over data with the kernel's time (`received`), or with the time of the read (`received_by`).
    `opened` is resolved with None when the member has joined, else with a sentence that says why not. `join_fault` is
    set if the server accepted the handshake and the member could not join. Between two messages the reader drops its
    peer, so that an idle connection costs only 1 to 2 kB.
    """

    __slots__ = (
        "_at_ns",
        "_conversation",
        "_in_last_frame",
        "_is_first_read",
        "_is_plain",
        "_is_redirected",
        "_known",
        "_lengths",
        "_messages",
        "_owner",
        "_received",
        "_started_ns",
        "_wake_ns",
        "close_code",
        "closing",
        "is_in",
        "join_fault",
        "left_ns",
        "member",
        "opened",
        "reader",
        "request",
        "transport",
    )

    def __init__(
        self, member: int, request: Request, owner: ConnectionOwner, opened: asyncio.Future[str | None]
    ) -> None:
        self.member = member
        self.request = request
        self.opened: asyncio.Future[str | None] | None = opened
        self.transport: Transport | None = None
        self.is_in = False
        self.closing = False
        self.close_code: int | None = None
        self.left_ns = 0
        self._owner = owner
        self._known = owner.recorder.known
        self._lengths = owner.recorder.lengths
        self._received = owner.recorder.received
        self.reader = MessageReader(Peer(request, masking=MASKING))
        self.join_fault = ""
        self._conversation: Conversation | None = None
        self._wake_ns = 0
        self._is_first_read = True
        self._is_plain = False
        self._is_redirected = False
        self._started_ns = self._at_ns = monotonic_ns()
        self._messages = 0
        """Messages of the present read."""
        self._in_last_frame = 0
        """Number of messages in the last frame of the present read."""

    # Callbacks of the transport.

    def connection_made(self, transport: Transport, /) -> None:
        self.transport = transport
        peer = self.reader.peer
        assert peer is not None
        peer.connect()
        transport.write(peer.data_to_send())

    def received(self, data: bytes, at_ns: int, now_ns: int) -> None:
        """Read data that had arrived by `at_ns`, by the kernel's clock."""
        owner = self._owner
        if at_ns < self._at_ns:  # the wall clock was set back
            at_ns = self._at_ns
        number = self._known.get(data) if len(data) in self._lengths else None
        if number is None or not self._is_plain:
            self._read_several(data, at_ns, is_stamped=True)
        else:
            self._received((self.member, number, at_ns))
            self._at_ns = at_ns
        if now_ns >= owner.due_ns:
            owner.fire()

    def received_by(self, data: bytes, latest_ns: int, now_ns: int) -> None:
        """Read data that arrived between the last stamp and `latest_ns`: without a stamp, or part of a TLS record."""
        self._read_several(data, max(latest_ns, self._at_ns), is_stamped=False)
        if now_ns >= self._owner.due_ns:
            self._owner.fire()

    def found_queued(self, queued_bytes: int, window_bytes: int, at_ns: int) -> None:
        """Record how full the kernel's receive buffer was."""
        self._owner.recorder.queued((at_ns, queued_bytes, window_bytes))

    def eof_received(self) -> None:
        self.reader.receive_eof()
        self.left_ns = self.left_ns or monotonic_ns()

    def connection_lost(self, exc: Exception | None) -> None:
        self.left_ns = self.left_ns or monotonic_ns()
        if self._conversation is not None and self.opened is not None:
            self._conversation.end(
                "without a close frame" if self.close_code is None else f"with close code {self.close_code}"
            )
            self._check_join()
        elif self.opened is not None:
            self._settle_opening(f"the connection ended during the handshake ({exc or 'end of stream'})")
        elif not self.closing:
            self._owner.recorder.left(self.member, self.left_ns, Departure.DROPPED, self.close_code, str(exc or ""))
        self._owner.ended(self)

    # Methods for the worker.

    @property
    def can_send(self) -> bool:
        """Whether a message can be handed over: as far as the worker knows, the connection is open."""
        return not (
            self.transport is None
            or self.opened is not None
            or self.left_ns
            or self.closing
            or self.close_code is not None
            or self.transport.is_closing()
            or (self.reader.peer is not None and not self.reader.peer.may_send)
        )

    def send(self, frame: bytes) -> int:
        """Send a frame's bytes. Returns the time at which a network device took them, or the time before the write."""
        assert self.transport is not None
        return self.transport.write_stamped(frame)

    def encode(self, message: str | bytes) -> bytes:
        """Encode a message as a frame, compressed if the handshake agreed on compression.

        The connection must be one that can send, and the result must be the next frame that is sent.
        """
        peer = self.reader.peer
        if peer is None or peer.deflate is None:
            return plain_frame(message)
        if isinstance(message, str):
            peer.send_text(message)
        else:
            peer.send_binary(message)
        return peer.data_to_send()

    @property
    def unwritten_bytes(self) -> int:
        """Bytes in the transport's send buffer, which the kernel has not taken yet."""
        return 0 if self.transport is None else self.transport.get_write_buffer_size()

    def part(self) -> None:
        """Send a close frame (1000) and close the connection once it is written. Nothing more is recorded."""
        if self.transport is None or self.transport.is_closing():
            return
        if self.can_send:
            self.closing = True
            payload = CloseCode.NORMAL_CLOSURE.to_bytes(2, "big")
            self.transport.write(Frame(Opcode.CLOSE, payload, mask=MASKING()).encode())
        self.transport.close()

    def abort(self) -> None:
        """Abort the connection at once."""
        if self.transport is not None:
            self.transport.abort()

    def set_receiver(self, received: Callable[[Sequence[int]], None]) -> None:
        """Pass receipts to `received` instead of to the recorder: rows, one after the other.

        `received` must pass them on to the recorder.
        """
        self._received = received
        self._is_redirected = True
        self.take_back()

    # Reads that the compiled reader handles.

    @property
    def last_ns(self) -> int:
        """The stamp of the last read. The next data arrived after it."""
        return self._at_ns

    def continue_at(self, at_ns: int) -> None:
        """Note the stamp of the last read, which was handled elsewhere."""
        self._at_ns = at_ns

    def hand_over(self, most_bytes: int) -> tuple[int, bytes | None]:
        """The last stamp, and the start of the next frame (at most `most_bytes`), if others may record known frames.

        The second is None if this connection must read the next bytes.
        """
        if self._is_redirected or not self.is_in or self.opened is not None or self.reader.peer is not None:
            return self._at_ns, None
        if self.reader.waiting_bytes > most_bytes:
            return self._at_ns, None
        return self._at_ns, self.reader.take_rest()

    def take_back(self) -> None:
        """Read the next bytes here, whoever read the last ones."""
        state = None if self.transport is None else self.transport.take_back()
        if state is not None:
            self._at_ns, rest = state
            self.reader.put_back(rest)
            self._is_plain = self._is_plain and not rest

    # Reads that are not exactly one known frame.

    def _read_several(self, data: bytes, at_ns: int, *, is_stamped: bool) -> None:
        """Read any bytes.

        Only a message that ends with the read has an exact time. The others arrived since the last stamp.
        """
        self._messages, self._in_last_frame = 0, 1
        self._read(data, at_ns)
        uncertain = self._messages - (self._in_last_frame if is_stamped and self.reader.is_between_frames else 0)
        if uncertain > 0:
            assert self.transport is not None
            self._owner.recorder.interval((self._at_ns, at_ns, uncertain, self.transport.woke_ns))
        # A read that fills the buffer may leave data behind that arrived before this stamp.
        if is_stamped and len(data) < READ_BYTES:
            self._at_ns = at_ns

    def _read(self, data: bytes, now: int) -> None:
        """Read any bytes."""
        is_first_read, self._is_first_read = self._is_first_read, False
        reader = self.reader
        if is_first_read and self._owner.handshakes.has(self.request, data):
            reader.peer = None
            self._accepted(now)
            return
        events = reader.read(data, self._take_frames, now)
        if events is not None and reader.peer is not None:
            is_correct = not reader.peer.breaches
            self._follow(reader.peer, events, now)
            reader.release()
            if is_first_read and is_correct and reader.is_at_frame_start:
                self._owner.handshakes.learn(self.request, data)
        self._is_plain = self.is_in and self.opened is None and reader.is_at_frame_start

    def _take_frames(self, data: bytes, spans: list[int], now: int) -> int:
        """Record ordinary frames, up to the first one that is not valid UTF-8."""
        if self.opened is not None:
            return self._take_while_joining(data, spans, now)
        get, start = self._known.get, 0
        # If a frame fills the read, this slice is `data` itself and copies nothing.
        numbers = [get(data[start : (start := close)]) for close in spans[1::2]]
        if None in numbers:
            return self._take_new_frames(data, spans, now)
        if numbers:
            self._note(cast(list[int], numbers), now)
        return len(numbers)

    def _take_new_frames(self, data: bytes, spans: list[int], now: int) -> int:
        """Record frames, some of them new, up to the first one that needs the peer."""
        frames = self._learn_all(data, spans)
        if frames:
            self._note([number for numbers in frames for number in numbers], now)
            self._in_last_frame = len(frames[-1])
        return len(frames)

    def _note(self, numbers: list[int], now: int) -> None:
        """Record messages of one read."""
        rows = [self.member] * (3 * len(numbers))
        rows[1::3] = numbers
        rows[2::3] = [now] * len(numbers)
        self._received(rows)
        self._messages += len(numbers)
        if not self.is_in:
            self._look_for_first_receipt(numbers)

    def _learn_all(self, data: bytes, spans: list[int]) -> list[tuple[int, ...]]:
        """The messages of frames, some of them new, up to the first frame that needs the peer."""
        frames: list[tuple[int, ...]] = []
        start = 0
        for begin, close in zip(spans[::2], spans[1::2], strict=True):
            frame = data[start:close]
            number = self._known.get(frame)
            if number is not None:
                frames.append((number,))
            else:
                numbers = self._learn(frame, frame[begin - start :], is_text=frame[0] & 0x0F == Opcode.TEXT)
                if numbers is None:
                    break
                frames.append(numbers)
            start = close
        return frames

    def _learn(self, frame: bytes, payload: bytes, *, is_text: bool) -> tuple[int, ...] | None:
        """Parse a frame that is not known, and answer those of its messages that need an answer.

        None if the payload is not UTF-8. The peer then reports the fault.
        """
        recorder = self._owner.recorder
        try:
            numbers = recorder.learn(self.member, frame, payload, is_text)
        except UnicodeDecodeError:
            return None
        for message in recorder.asking.get(frame, ()):
            self._say_all(recorder.workload.answer(self.member, message))
        return numbers

    def _look_for_first_receipt(self, numbers: Sequence[int]) -> None:
        recorder = self._owner.recorder
        if any(recorder.kinds[number] == recorder.first_kind for number in numbers):
            self.is_in = True
            self._owner.heard(self)

    def _follow(self, peer: Peer, events: list[Event], now: int) -> None:
        """Handle the peer's events and breaches, and send the answers that the protocol requires."""
        if self.left_ns:
            return
        for event in events:
            if isinstance(event, Accepted):
                self._accepted(now)
            elif isinstance(event, Refused):
                self._settle_opening(f"the server answered {event.response.describe()}")
            elif isinstance(event, TextMessage):
                self._take(Opcode.TEXT, event.text.encode(), now)
            elif isinstance(event, BinaryMessage):
                self._take(Opcode.BINARY, event.data, now)
            elif isinstance(event, MessageDropped):
                self._owner.recorder.unexpected(self.member, now, f"a message that could not be read: {event.why}")
            elif isinstance(event, CloseReceived):
                self.close_code = 1005 if event.code is None else event.code
                self.left_ns = self.left_ns or now
        for breach in peer.breaches:
            self._owner.recorder.breach(self.member, breach)
        peer.breaches.clear()
        answer = peer.data_to_send()
        if self.transport is not None and not self.transport.is_closing():
            if answer:
                self.transport.write(answer)
            if self.close_code is not None or peer.state is State.CLOSED:
                self.transport.close()

    def _take(self, opcode: Opcode, payload: bytes, now: int) -> None:
        """Record a complete message that the peer assembled, under the same key that the fast path would use."""
        if self.opened is not None:
            self._hear_while_joining(payload, is_text=opcode is Opcode.TEXT, now=now)
            return
        frame = Frame(opcode, payload).encode()
        number = self._known.get(frame)
        numbers = (number,) if number is not None else self._learn(frame, payload, is_text=opcode is Opcode.TEXT)
        assert numbers is not None, "the peer replaces what is not UTF-8"
        for number in numbers:
            self._received((self.member, number, now))
        self._messages += len(numbers)
        self._in_last_frame = len(numbers)
        if not self.is_in:
            self._look_for_first_receipt(numbers)

    def _accepted(self, now: int) -> None:
        peer = self.reader.peer
        deflated = peer is not None and peer.deflate is not None
        stamped = self.transport is not None and self.transport.is_stamped
        self._owner.recorder.opened(self.member, now - self._started_ns, now, deflated=deflated, stamped=stamped)
        self._conversation = Conversation(self._owner.recorder.workload, self.member)
        self._say_all(self._conversation.start(now))
        self._check_join()

    # The conversation.

    def wake(self, now: int) -> None:
        """Let the conversation send what is due."""
        if self._conversation is not None and now >= self._wake_ns and not (self.left_ns or self.closing):
            self._say_all(self._conversation.wake(now))
            self._check_join()

    def unfinished(self) -> str:
        """Note that the ramp is over, and say what is missing."""
        if self._conversation is None:
            return "no answer to the handshake before the ramp was over"
        self.join_fault = "did not let the member join before the ramp was over"
        self.closing = True
        return f"the server {self.join_fault}"

    def _take_while_joining(self, data: bytes, spans: list[int], now: int) -> int:
        """Pass frames to the conversation, up to the first one that is not valid UTF-8."""
        start = 0
        for at in range(0, len(spans), 2):
            begin, close = spans[at], spans[at + 1]
            try:
                self._hear_while_joining(data[begin:close], is_text=data[start] & 0x0F == Opcode.TEXT, now=now)
            except UnicodeDecodeError:
                return at // 2
            start = close
        return len(spans) // 2

    def _hear_while_joining(self, payload: bytes, *, is_text: bool, now: int) -> None:
        """Record a frame's messages, and pass them to the conversation."""
        parts = self._owner.recorder.workload.parts_of(payload.decode() if is_text else payload)
        for message in parts:
            self._hear_message_while_joining(message, now)
        self._in_last_frame = len(parts)

    def _hear_message_while_joining(self, message: Message, now: int) -> None:
        """Record a message, and pass it to the conversation.

        A message that the conversation waited for need not be known to the workload's `read`.
        """
        recorder, conversation = self._owner.recorder, self._conversation
        parsed = recorder.workload.read(self.member, message)
        is_awaited = False
        if conversation is not None and conversation.is_joining:
            reaction = conversation.receive(message, now, needs_answer=parsed.needs_answer)
            is_awaited = reaction.is_awaited
            self._say_all(reaction.messages)
            self._check_join()
        elif parsed.needs_answer:
            self._say_all(recorder.workload.answer(self.member, message))
        if is_awaited and parsed.kind is MessageKind.UNEXPECTED:
            return
        number = recorder.number_of(self.member, message)
        self._received((self.member, number, now))
        self._messages += 1
        if not self.is_in:
            self._look_for_first_receipt([number])

    def _check_join(self) -> None:
        """Note the end of the join, if it has ended, and set the timer for the next step."""
        conversation = self._conversation
        if conversation is None:
            return
        if not conversation.is_joining and self.opened is not None:
            self.join_fault = conversation.fault
            self.closing = self.closing or bool(conversation.fault)
            if conversation.is_subscribed and conversation.is_joined and not self.is_in:
                self._owner.recorder.subscribed(self.member, monotonic_ns())
                self.is_in = True
                self._owner.heard(self)
            self._settle_opening(f"the server {conversation.fault}" if conversation.fault else None)
        if conversation.next_ns is None:
            self._conversation = None
        elif conversation.next_ns != self._wake_ns:
            self._wake_ns = conversation.next_ns
            self._owner.timers.set(self._wake_ns, self)

    def _say_all(self, messages: Iterable[str | bytes]) -> None:
        """Send messages uncompressed.

        The pacer compresses its next publication beforehand, and compressed messages must be sent in the order in which
        they were compressed.
        """
        for message in messages:
            if self.transport is not None and not (self.left_ns or self.closing or self.transport.is_closing()):
                self.transport.write(plain_frame(message))

    def _settle_opening(self, fault: str | None) -> None:
        if self.opened is not None:
            opened, self.opened = self.opened, None
            if not opened.done():
                opened.set_result(fault)


def plain_frame(message: str | bytes) -> bytes:
    """Encode a message as an uncompressed frame."""
    opcode, payload = (Opcode.TEXT, message.encode()) if isinstance(message, str) else (Opcode.BINARY, message)
    return Frame(opcode, payload, mask=MASKING()).encode()
