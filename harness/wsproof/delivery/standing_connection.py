"""The connection of one standing member: it reads, and notes what the checks need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from wsproof.delivery.message_recorder import without_numbers
from wsproof.errors import TargetError, WorkloadError
from wsproof.model.envelope import Envelope
from wsproof.model.history import Tick
from wsproof.model.standing import StandingReceipt, StandingRole, StandingSession
from wsproof.net.client import Client
from wsproof.net.clock import now_ns
from wsproof.net.endpoint import Endpoint
from wsproof.target.member_endpoint import member_endpoint
from wsproof.wire import BinaryMessage, CloseReceived, Event, PingReceived, State, TextMessage
from wsproof.workloads import MessageKind, Workload, prepared
from wsproof.workloads.conversation import Conversation
from wsproof.workloads.received import PUBLICATION_KINDS

OTHERS = (MessageKind.IGNORED, MessageKind.UNEXPECTED)
"""The message kinds of heartbeats, and of everything else that the workload does not know."""
MOST_OTHERS = 100
"""Number of different messages of these kinds that a member keeps."""
HELLO = "a member that listens is here"
"""The text of the only publication of a standing member."""


@dataclass(eq=False)
class StandingConnection:
    """One standing member of a channel, from its handshake on. Only one thread may use it at a time."""

    workload: Workload
    alias: int
    role: StandingRole
    client: Client
    conversation: Conversation
    connected_ns: int = 0
    joined_ns: int = 0
    """The time at which it had joined the channel; 0 before."""
    spoke_ns: int = 0
    """The time of its one message; 0 if it sent nothing."""
    ended_ns: int = 0
    """The time at which the server ended the connection; 0 while it is open."""
    close_code: int | None = None
    closed: bool = False
    refusal: str = ""
    pings_ns: list[int] = field(default_factory=list)
    heard: list[StandingReceipt] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)
    leave_notices: list[tuple[str, int]] = field(default_factory=list)
    is_tolerant: bool = False
    """Whether a message that the workload cannot read is ignored: a check has sent malformed messages."""
    other_messages: dict[str, int] = field(default_factory=dict)
    """The first time of each other message, by its text without numbers."""

    @property
    def is_open(self) -> bool:
        """Whether the connection is open, as far as the member knows."""
        return bool(self.connected_ns) and not self.ended_ns

    def join(self) -> None:
        """Begin to join the channel.

        The server's first message may have arrived together with its answer to the handshake. The server may send
        nothing more before the member answers, so the message is read at once.
        """
        self.connected_ns = now_ns()
        self._continue(self.conversation.start(self.connected_ns))
        self.read()

    def wake(self) -> None:
        """Act if it is due: give up a wait for the server, or send a heartbeat."""
        self._continue(self.conversation.wake(now_ns()))

    def _continue(self, messages: Iterable[str | bytes]) -> None:
        """Send these messages, and one more once the member has joined.

        Some servers subscribe a member only when it has sent something.
        """
        for message in messages:
            self._hand_over(message)
        if self.conversation.fault and not self.refusal:
            self.refusal = f"the server {self.conversation.fault}"
        if self.conversation.is_joined and not self.joined_ns:
            self.joined_ns = now_ns()
        speaks = self.workload.publishes and self.role is not StandingRole.UNRESPONSIVE
        if self.conversation.is_joined and speaks and not self.spoke_ns:
            self.spoke_ns = now_ns()
            hello = self.workload.publish(self.alias, Envelope(self.alias, 0, self.spoke_ns), HELLO)
            if isinstance(hello, str | bytes):  # a member that publishes by requests need not publish to be subscribed
                self._hand_over(hello)

    def _hand_over(self, message: str | bytes) -> None:
        if isinstance(message, str):
            self.client.send_text(message)
        else:
            self.client.send_binary(message)

    def read(self) -> None:
        """Read what has arrived, and answer pings unless the role forbids it."""
        self.client.receive_nowait()
        while self.client.events:  # what we send in answer may read more
            times = self.client.event_times_ns
            for at_ns, event in zip(times, self.client.take_events(), strict=True):
                self._take(event, at_ns)
        if self.client.ended and not self.ended_ns:
            self.ended_ns = now_ns()
            self.conversation.end("while a member that listens joined")
            self.client.abort()

    def _take(self, event: Event, at_ns: int) -> None:
        if isinstance(event, PingReceived):
            self.pings_ns.append(at_ns)
        elif isinstance(event, CloseReceived):
            self.closed, self.close_code = True, event.code
        elif isinstance(event, TextMessage | BinaryMessage):
            self._read_messages(event.text if isinstance(event, TextMessage) else event.data, at_ns)

    def _read_messages(self, message: str | bytes, at_ns: int) -> None:
        """Read all messages of the application that a WebSocket message holds."""
        try:
            for part in self.workload.parts_of(message):
                self._read_message(part, at_ns)
        except WorkloadError:
            if not self.is_tolerant:
                raise

    def _read_message(self, message: str | bytes, at_ns: int) -> None:
        parsed = self.workload.read(self.alias, message)
        if self.conversation.is_joining or parsed.needs_answer:
            answer = self.conversation.receive(message, at_ns, needs_answer=parsed.needs_answer)
            self._continue(answer.messages)
            if answer.is_awaited:
                return
        if parsed.kind is MessageKind.TICK:
            value = dict(parsed.value) if parsed.value is not None else None
            self.ticks.append(Tick(0, at_ns, value, parsed.text))
        elif parsed.kind is MessageKind.LEAVE and parsed.member is not None:
            self.leave_notices.append((parsed.member, at_ns))
        elif parsed.kind in PUBLICATION_KINDS and parsed.envelope is not None:
            sealed = parsed.envelope.envelope
            self.heard.append(
                StandingReceipt(
                    sealed.publisher,
                    sealed.sequence,
                    sealed.intended_ns,
                    at_ns,
                    PUBLICATION_KINDS[parsed.kind],
                    parsed.envelope.intact,
                )
            )
        elif parsed.kind in OTHERS and len(self.other_messages) < MOST_OTHERS:
            self.other_messages.setdefault(without_numbers(message), at_ns)

    def leave(self) -> None:
        """Close the connection without waiting for the server."""
        if self.is_open and self.client.peer.may_send:
            self.client.peer.send_close()
            self.client.receive_nowait()
        self.client.abort()

    def session(self, until_ns: int) -> StandingSession:
        """The checked part of the session: until `until_ns`, or until the server cut it off."""
        was_cut_off = 0 < self.ended_ns <= until_ns
        return StandingSession(
            self.role,
            self.workload.name_of(self.alias),
            self.workload.room_of(self.alias),
            self.connected_ns,
            self.ended_ns if was_cut_off else until_ns,
            was_cut_off,
            self.close_code if was_cut_off else None,
            self.closed and was_cut_off,
            self.refusal,
            tuple(at for at in self.pings_ns if at <= until_ns),
            tuple(message for message in self.heard if message.received_ns <= until_ns),
            tuple(message for message in self.ticks if message.received_ns <= until_ns),
            tuple(message for message in self.leave_notices if message[1] <= until_ns),
            (self.alias, 0, self.spoke_ns) if self.spoke_ns else None,
            self.joined_ns or until_ns,
            tuple(self.other_messages.items()),
        )


def connect(
    endpoint: Endpoint, workload: Workload, alias: int, role: StandingRole, *, deadline_s: float, seed: int
) -> StandingConnection:
    """Prepare and connect a standing member, and let it begin to join. A refused one is returned with the refusal.

    Raises:
        TargetError: the server does not answer.
    """
    refusal = prepared(workload, alias, endpoint.http_url) if workload.has_prepare else ""
    client = Client(
        endpoint if refusal else member_endpoint(endpoint, workload, alias),
        deadline_s=deadline_s,
        seed=seed,
        answer_pings=role is not StandingRole.UNRESPONSIVE,
    )
    member = StandingConnection(workload, alias, role, client, Conversation(workload, alias))
    if refusal:
        member.refusal = f"the member {refusal}"
        return member
    try:
        response = client.open()
    except TargetError:
        client.abort()
        raise
    if client.peer.state is not State.OPEN:
        member.refusal = response.describe()
        client.abort()
        return member
    member.join()
    return member
