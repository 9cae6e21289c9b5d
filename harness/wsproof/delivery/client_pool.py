"""Many clients in one thread. They act one after the other, all of them receive, and a recorder notes every event.

There are no sleeps. Every wait is for an expected message and has a timeout.
"""

from __future__ import annotations

import contextlib
import json
import select
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from wsproof.checks.describe import shortened
from wsproof.delivery.chatter import Chatter
from wsproof.delivery.credentials import Access, altered_endpoint, altered_message, credentials_of
from wsproof.delivery.member import PoolMember, SentMessage
from wsproof.delivery.moves import with_rooms
from wsproof.delivery.names import NameShape, shaped_name, with_names
from wsproof.delivery.pool_settings import GIVEN_UP_S, PoolSettings
from wsproof.delivery.versions import VersionKeys
from wsproof.errors import TargetError, UsageError, WorkloadError
from wsproof.model.contract import Audience, Resume
from wsproof.model.envelope import Envelope, Opened
from wsproof.model.finding import Anomaly
from wsproof.model.history import (
    Departure,
    History,
    Kind,
    Outcome,
    PresenceNotice,
    ProtocolNote,
    Recorder,
    Tick,
    UnexpectedMessage,
)
from wsproof.model.suite import Figure
from wsproof.net.budget import BudgetSpent
from wsproof.net.client import Client
from wsproof.net.clock import Deadline, now_ns
from wsproof.net.endpoint import Endpoint
from wsproof.net.http_connection import HttpAnswer, HttpConnection
from wsproof.wire import BinaryMessage, CloseReceived, Ended, Event, State, TextMessage
from wsproof.wire.handshake import Response
from wsproof.workloads import Conversation, HttpRequest, MessageKind, Parsed, prepared
from wsproof.workloads.damage import damage_of, damaged_text, unplaced
from wsproof.workloads.steps import JoinSteps

Understood = TypeVar("Understood")
SLICE_S = 0.02
"""Longest time in seconds before `wait` tries again to send the rest of half-sent messages."""
KINDS = {MessageKind.DELIVERY: Kind.DELIVERY, MessageKind.REPLY: Kind.REPLY}
"""The message kinds that carry a publication, as kinds of a receipt."""
TELLING = 16
"""Shortest common prefix, in characters, that identifies a truncated message. A shorter one may be chance."""
TINY_BUFFER = 4_096
"""Receive buffer, in bytes, of a member that joins with `has_small_buffer`."""
CLOSING_S = 1.0
"""Seconds that members get to finish their closing handshakes at the end."""
JOIN_AT_MOST_S = 600.0
"""Seconds after which a join ends in any case. Each wait of the workload's `join` has its own timeout."""
INTRUDER_JOINS_S = 1.0
"""Seconds that a member without the right credentials may take to join. A good server never lets it."""
SEARCHED = 1_000
"""How many member numbers to search for one in the wanted room."""


class ClientPool:
    """The members of one schedule, and the recorder of what happened to them."""

    def __init__(self, setting: PoolSettings) -> None:
        self.setting = setting
        self.contract = setting.workload.contract
        self.members: list[PoolMember] = []
        self.said: dict[tuple[int, int], SentMessage] = {}
        self.versions = VersionKeys()
        self.recorder = Recorder(start_ns=now_ns(), keeps_alive=setting.workload.keeps_alive)
        workload = setting.workload
        self.next_alias = setting.first
        self.first_said: str | bytes | None = None
        """The first publication, as it was sent; the body of an HTTP request."""
        self._names_before = {workload.name_of(alias) for alias in range(setting.first)} if setting.alone else set()
        self._clock_ns = 0
        self.heard = 0
        """Number of events that all members have received so far."""
        self.answered = 0
        """Number of messages with which conversations have answered so far."""
        self.gave_up = False
        """Whether a wait timed out. If so, do not run another schedule on this server."""
        self.fell_silent = False
        """Whether a wait ended because no member received anything, not because messages kept arriving late."""
        self.names_nobody = False
        """Whether deliveries arrive without the name of their publisher."""
        self.names: dict[int, str] = {}
        """Names of unusual shapes, by the number that a usual name would be derived from."""
        if setting.has_shapes:
            self.setting = replace(setting, workload=with_names(setting.workload, self.names))
        self.moved: dict[int, int] = {}
        """The rooms of members that have changed theirs, by alias."""
        self.chatter: Chatter | None = None
        """Members that go on publishing while another member joins; None for nobody."""
        self.measured: dict[str, Figure] = {}
        """Measurements of the schedule, by name."""
        self.rate = 0.0
        """Most messages a second that the server has taken in a stream; 0 before one."""
        self.drained_ns = 0
        """When the wait for expected messages ended; 0 before that."""

    # Joining and leaving.

    def join(
        self,
        again: PoolMember | None = None,
        *,
        room: int = 0,
        has_small_buffer: bool = False,
        access: Access | None = None,
        shape: NameShape | None = None,
        resumes: bool = False,
    ) -> PoolMember:
        """Connect another member, under the name of member `again` if given, and let it join.

        With `resumes` it comes back for `again`: it tells the server what it has, and waits for what it missed.

        A member whose handshake the server refuses, or that cannot join, is returned closed.

        Raises:
            TargetError: the server does not answer.
            UsageError: the workload puts no member into this room.
        """
        setting, workload, number = self.setting, self.setting.workload, len(self.members)
        alias = again.alias if again is not None else self._new_alias(room)
        if shape is not None:
            self.names[alias] = shaped_name(
                shape, workload.name_of(alias), self.members[0].name if self.members else "0"
            )
        refusal = prepared(workload, alias, setting.endpoint.http_url) if again is None and workload.has_prepare else ""
        endpoint, credentials = setting.endpoint if refusal else self.endpoint_of(alias), tuple[str, ...]()
        if access is not None:
            credentials = credentials_of(workload, alias, endpoint)
            endpoint = altered_endpoint(endpoint, credentials, access)
        client = Client(
            endpoint,
            deadline_s=setting.budget.at_most(setting.deadline_s),
            receive_buffer=TINY_BUFFER if has_small_buffer else None,
            seed=setting.seed + number,
        )
        member = PoolMember(number, alias, workload.name_of(alias), client, room=workload.room_of(alias))
        member.shape = shape
        if access is not None:
            member.access, member.credentials, member.misbehaviour = access, credentials, f"a handshake {access.value}"
        self.members.append(member)
        if refusal:
            member.departure, member.closed, member.refusal = Departure.REFUSED, True, f"the member {refusal}"
            return member
        began = now_ns()
        try:
            response = self._open(client)
        except TargetError:
            client.abort()
            member.closed = True
            raise
        if client.peer.state is not State.OPEN:
            member.departure, member.closed = Departure.REFUSED, True
            member.refusal = response.describe()
            client.abort()
            return member
        member.connected_ns = now_ns()
        member.connect_ns = member.connected_ns - began
        steps = None
        if resumes and again is not None:
            member.resumes = again.number
            member.outstanding |= self._missed_by(again)
            steps = workload.resume(alias, again.last_delivery)
        self._converse(member, steps)
        return member

    def _missed_by(self, member: PoolMember) -> set[tuple[int, int, Kind]]:
        """Publications since the last message that a member received."""
        if self.contract.resume is Resume.NONE:
            return set()
        return {
            (*key, Kind.DELIVERY)
            for key, said in self.said.items()
            if said.sent_ns > member.heard_ns
            and said.refusal is None
            and said.publisher != member.number
            and self._is_for(member, self.members[said.publisher])
        }

    def move(self, member: PoolMember, room: int) -> PoolMember:
        """Let a member change its room, and return it as another member: it is on the same connection, elsewhere."""
        self.settle()
        if not self.moved:
            self.setting = replace(self.setting, workload=with_rooms(self.setting.workload, self.moved))
        number, workload = len(self.members), self.setting.workload
        steps = workload.move(member.alias, room)
        there = PoolMember(number, member.alias, member.name, member.client, room=room)
        there.connect_ns, there.http = member.connect_ns, member.http
        self.members.append(there)
        member.left_ns = there.connected_ns = now_ns()
        member.departure, member.closed = Departure.CLOSED, True
        member.outstanding.clear()
        member.outstanding_notices.clear()
        self._converse(there, steps)
        self.moved[member.alias] = room
        return there

    def _converse(self, member: PoolMember, steps: JoinSteps | None = None) -> None:
        """Let a member join, while all others go on receiving.

        Raises:
            BudgetSpent: the run's time is over.
        """
        talk = member.conversation = Conversation(self.setting.workload, member.alias, steps)
        self._hand_over_all(member, talk.start(now_ns()))
        if talk.is_joining:
            self.wait(lambda: not talk.is_joining, JOIN_AT_MOST_S if member.access is None else INTRUDER_JOINS_S)
        if talk.fault:
            member.join_fault = talk.fault
            if not member.closed:
                self.depart(member, Departure.FIN)
                member.client.abort()
                member.closed = True

    def _open(self, client: Client) -> Response:
        """Connect a client while others may go on publishing.

        Raises:
            TargetError: the server does not answer.
        """
        if self.chatter is None:
            return client.open()
        client.connect()
        client.peer.connect()
        deadline = Deadline.after(client.deadline_s)
        while client.wait_response(self.chatter.wait_s) is None:
            self.poll_once(0)
            if client.ended or deadline.passed:
                client.abort()
                raise TargetError(f"{client.endpoint.url} did not answer a handshake while other members published")
        response = client.peer.response
        assert response is not None
        return response

    def endpoint_of(self, alias: int) -> Endpoint:
        """The endpoint of this member, with its own headers and subprotocols."""
        workload = self.setting.workload
        place = self.setting.endpoint.numbered(workload.base + alias).channel(workload.path(alias))
        return place.with_own(workload.headers(alias), workload.subprotocols(alias))

    def _new_alias(self, room: int) -> int:
        """The next unused number whose member belongs to `room`.

        Raises:
            UsageError: the workload puts no member into this room.
        """
        workload, first = self.setting.workload, self.next_alias
        for alias in range(first, first + SEARCHED):
            if workload.room_of(alias) == room:
                self.next_alias = alias + 1
                return alias
        raise UsageError(
            f"{workload.name} says that it has {workload.rooms} room(s), and room_of puts none of the members "
            f"{first} to {first + SEARCHED - 1} into room {room}: let it deal them out to rooms 0 to "
            f"{workload.rooms - 1}, as `member % {max(workload.rooms, 2)}` does."
        )

    def depart(self, member: PoolMember, departure: Departure) -> None:
        """Record that a member left or was disconnected.

        If the contract promises leave notices, the others in its room expect one from now on.
        """
        member.left_ns, member.departure = now_ns(), departure
        member.outstanding.clear()
        until = member.heard_ns if departure is Departure.DROPPED else member.left_ns
        is_last = not any(one.here and one.name == member.name for one in self.members if one is not member)
        if self.contract.leaves and member.in_ns and is_last and member.shape is None:
            for other in self.members:
                if other.counts and other is not member and other.in_ns <= until and other.room == member.room:
                    other.outstanding_notices[member.name] += 1

    def close(self, member: PoolMember) -> None:
        """Send a close frame. The server's reply is read later, together with other messages."""
        self.depart(member, Departure.CLOSED)
        if member.client.peer.may_send:
            member.client.peer.send_close()
        member.client.receive_nowait()

    def end_tcp(self, member: PoolMember) -> None:
        """Send FIN without a close frame."""
        self.depart(member, Departure.FIN)
        member.client.half_close()

    def reset(self, member: PoolMember) -> None:
        """Reset the TCP connection (RST)."""
        self.depart(member, Departure.RESET)
        member.client.reset()
        member.closed = True

    # Publishing.

    def say(self, member: PoolMember, body: str, *, plain: bool = False) -> str | bytes | HttpRequest:
        """Record a publication and the receipts to expect, and return the message or the request to send.

        This method does not send it.
        """
        sequence, member.sequence = member.sequence, member.sequence + 1
        sent = now_ns()
        if plain and self.names_nobody:
            # The channel names no publishers, so another member's identical text could not be told from this one.
            plain = not any(other.plain == body and other.publisher != member.number for other in self.said.values())
        envelope = Envelope(self.setting.first + member.number, sequence, sent)
        message = body if plain else self.setting.workload.publish(member.alias, envelope, body)
        whole = (message,) if isinstance(message, str) else ()
        said = SentMessage(member.number, sequence, sent, body if plain else None, (envelope.seal(body), *whole))
        self.said[member.number, sequence] = said
        self.versions.published(member.number, sequence)
        for other in self.members:
            if other.counts and self._is_for(other, member):
                other.outstanding.add((member.number, sequence, Kind.DELIVERY))
        if self.contract.replies and member.counts:
            member.outstanding.add((member.number, sequence, Kind.REPLY))
        if self.first_said is None:
            self.first_said = message.body if isinstance(message, HttpRequest) else message
        return message

    def _is_for(self, other: PoolMember, publisher: PoolMember) -> bool:
        """Whether `other` should receive what `publisher` publishes: in the same room, and in the audience."""
        audience = self.contract.audience
        own = other is publisher
        if other.room != publisher.room:
            return False
        return audience is Audience.EVERYONE or audience is (Audience.PUBLISHER if own else Audience.OTHERS)

    def speak(self, member: PoolMember, body: str, *, plain: bool = False) -> None:
        """Publish a message in one piece, without waiting until the server has read it.

        An HTTP request is waited for: the next one of this member might overtake it otherwise.
        """
        message = self.say(member, body, plain=plain)
        if isinstance(message, HttpRequest):
            self.request(member, message)
        else:
            self.hand_over(member, message)

    def request(self, member: PoolMember, request: HttpRequest) -> None:
        """Publish by HTTP, and wait for the answer while all members go on receiving.

        Raises:
            BudgetSpent: the run's time is over.
        """
        http = member.http = member.http or HttpConnection(
            self.endpoint_of(member.alias), deadline_s=self.setting.deadline_s
        )
        try:
            http.begin(request)
        except TargetError as error:
            self._refused(member, HttpAnswer(0, str(error)))
            return
        deadline = Deadline.after(self.setting.deadline_s)
        while (answer := http.advance()) is None:
            self.setting.budget.check()
            if deadline.passed:
                answer = http.give_up()
                break
            self._receive_all(min(SLICE_S, deadline.remaining_s), http)
        if not answer.is_accepted:
            self._refused(member, answer)

    def _refused(self, member: PoolMember, answer: HttpAnswer) -> None:
        """Record that the last request of a member did not succeed. Nobody is expected to receive its publication."""
        sequence = member.sequence - 1
        said = self.said[member.number, sequence]
        said.refusal = self.recorder.refused(member.number, sequence, answer.status, answer.reason)
        for other in self.members:
            other.outstanding -= {(member.number, sequence, kind) for kind in Kind}

    def hand_over(self, member: PoolMember, message: str | bytes) -> None:
        """Send a message that is no publication, such as a greeting."""
        self.put(member, message)
        self._listen(member)

    def send_in_pieces(self, member: PoolMember, pieces: Iterable[bytes]) -> None:
        """Send the pieces of one frame, each in a TCP segment of its own. Answers wait for the end of the frame."""
        member.is_mid_frame = True
        for piece in pieces:
            if member.closed:
                break
            member.client.send_raw(piece)
            self.poll_once(0)
        member.is_mid_frame = False
        held, member.held = member.held, []
        self._hand_over_all(member, held)

    def put(self, member: PoolMember, message: str | bytes) -> None:
        """Queue a message. It is written the next time that the member reads, and not inside another frame."""
        if member.is_mid_frame:
            member.held.append(message)
            return
        if member.access is not None:
            message = altered_message(message, member.credentials, member.access)
        if member.client.peer.may_send:
            if isinstance(message, str):
                member.client.peer.send_text(message)
            else:
                member.client.peer.send_binary(message)

    def _hand_over_all(self, member: PoolMember, messages: Iterable[str | bytes]) -> None:
        for message in messages:
            self.hand_over(member, message)

    # Receiving.

    def wait(self, done: Callable[[], bool], deadline_s: float | None = None) -> bool:
        """Let all members receive until `done` is true; return False on a timeout.

        Without `deadline_s` the wait ends after half the pool's timeout without any event, and after twice that timeout
        in any case. So a slow server that still sends gets more time than a silent one.

        Raises:
            BudgetSpent: the run's time is over. Missing messages may still be on their way.
        """
        limit = Deadline.after(2 * self.setting.timeout_s if deadline_s is None else deadline_s)
        quiet_s = self.setting.timeout_s / 2 if deadline_s is None else deadline_s
        quiet, heard = Deadline.after(quiet_s), self.heard
        while not done():
            if limit.passed or quiet.passed:
                self.fell_silent = self.fell_silent or (deadline_s is None and not limit.passed)
                return False
            self.setting.budget.check()
            self.poll_once(min(SLICE_S, limit.remaining_s))
            if self.heard != heard:
                quiet, heard = Deadline.after(quiet_s), self.heard
        return True

    def settle(self) -> bool:
        """Wait until every member has received all that it expects; False if a message is missing.

        After the first timeout all later waits are short. Members that are leaving get a little time to finish, but
        nothing is expected to reach them.
        """
        if Anomaly.MISSING_LEAVE not in self.setting.known:
            self._wait_for_nobody(lambda member: member.waits)
        else:
            self._wait_for_nobody(lambda member: member.lacks_messages)
            self.wait(lambda: not any(p.waits for p in self.members), GIVEN_UP_S)
        farewell_s = GIVEN_UP_S if self.gave_up else CLOSING_S / 2
        self.wait(lambda: not any(self._is_leaving(p) for p in self.members), farewell_s)
        return not self.gave_up

    def _wait_for_nobody(self, lacks: Callable[[PoolMember], bool]) -> None:
        """Wait until `lacks` is false for every member. Sets `gave_up` if it stays true for one."""
        had_fallen_silent = self.fell_silent
        if self.wait(lambda: not any(lacks(p) for p in self.members), GIVEN_UP_S if self.gave_up else None):
            return
        self._expect_nothing_unread()
        if any(lacks(p) for p in self.members):
            self.gave_up = True
        else:
            self.fell_silent = had_fallen_silent

    def _expect_nothing_unread(self) -> None:
        """After a timeout, no longer expect what a server need not have read before its publisher left."""
        for key, said in self.said.items():
            if self.members[said.publisher].may_be_unread and not said.heard_by:
                said.is_unread = True
                for other in self.members:
                    other.outstanding.discard((*key, Kind.DELIVERY))

    def poll_once(self, timeout_s: float) -> None:
        """Wait at most `timeout_s` for input, then let every member read what has arrived."""
        if self.chatter is not None:
            self.chatter.talk()
            timeout_s = min(timeout_s, self.chatter.wait_s)
        self._receive_all(timeout_s)

    def _receive_all(self, timeout_s: float, http: HttpConnection | None = None) -> None:
        """Wait at most `timeout_s` for input, of members or of `http`, then let every member read."""
        poll = select.poll()
        if http is not None:
            poll.register(http, select.POLLIN)
        listening = [p for p in self.members if not p.closed]
        for member in listening:
            if not member.stalled:
                poll.register(member.client, select.POLLIN)
        poll.poll(timeout_s * 1000)
        for member in listening:
            self._listen(member)
            self._wake(member)

    @staticmethod
    def _is_leaving(member: PoolMember) -> bool:
        return bool(member.left_ns) and not member.closed and not member.stalled and not member.misbehaviour

    def _listen(self, member: PoolMember) -> None:
        client = member.client
        client.receive_nowait()
        times = client.event_times_ns
        answered = self.answered
        for at, event in zip(times, client.take_events(), strict=True):
            # Messages from one read share a timestamp: add 1 ns each, so that their order is kept.
            self._clock_ns = max(at, self._clock_ns + 1)
            self._take(member, event, self._clock_ns)
        if self.answered != answered:
            client.receive_nowait()  # writes the answers
        if client.ended and not member.closed and not client.events:
            member.closed = True
            if member.conversation is not None:
                member.conversation.end(_end_in_words(member.close_code))
            if member.here:
                self.depart(member, Departure.DROPPED)
            client.abort()

    def _wake(self, member: PoolMember) -> None:
        """Let the conversation of a member do what is due: a timer, or the end of a wait."""
        talk = member.conversation
        if talk is None or talk.next_ns is None or member.closed or member.stalled:
            return
        if now_ns() >= talk.next_ns:
            self._hand_over_all(member, talk.wake(now_ns()))

    def _take(self, member: PoolMember, event: Event, at: int) -> None:
        self.heard += 1
        if isinstance(event, CloseReceived):
            member.close_code = event.code
        elif isinstance(event, Ended):
            return
        elif isinstance(event, TextMessage | BinaryMessage):
            self._take_whole(member, event.text if isinstance(event, TextMessage) else event.data, at)

    def _take_whole(self, member: PoolMember, message: str | bytes, at: int) -> None:
        """Take a WebSocket message: all messages of the application that it holds, 1 ns apart."""
        parts = self._understood(message, lambda: self.setting.workload.parts_of(message))
        for number, part in enumerate(parts or ()):
            self._clock_ns = at + number
            self._take_message(member, part, at + number)

    def _understood(self, message: str | bytes, read: Callable[[], Understood]) -> Understood | None:
        """What the workload makes of a message; None if it raises over what became of a malformed one.

        Raises:
            WorkloadError: the workload raises, and nobody sends malformed messages.
        """
        try:
            return read()
        except WorkloadError:
            if not any(one.is_fuzzing for one in self.members):
                raise
            self.recorder.ignore(message)
            return None

    def _take_message(self, member: PoolMember, message: str | bytes, at: int) -> None:
        parsed = self._understood(message, lambda: self.setting.workload.read(member.alias, message))
        if parsed is None:
            return
        was_joining = member.conversation is not None and member.conversation.is_joining
        if self._is_for_the_join(member, message, parsed, at) and parsed.kind is MessageKind.UNEXPECTED:
            self.recorder.ignore(message)
            return
        if parsed.version is not None and parsed.envelope is None:
            keyed = self._keyed(parsed, is_joining=was_joining)
            if keyed is None:
                self._note_change(member, parsed, message, at, is_joining=was_joining)
                return
            parsed = keyed
        if self.drained_ns:
            self._read_late(member, parsed, at)
        else:
            self._read(member, parsed, message, at)

    def _is_for_the_join(self, member: PoolMember, message: str | bytes, parsed: Parsed, at: int) -> bool:
        """Pass a message to the member's conversation, and send its answers. True if a wait of `join` took it."""
        talk = member.conversation
        if talk is None or not (talk.is_joining or parsed.needs_answer):
            return False
        heard = talk.hear(message, now_ns(), needs_answer=parsed.needs_answer)
        if talk.is_subscribed and not member.in_ns:
            member.in_ns = member.heard_ns = at
        for answer in heard.messages:
            self.put(member, answer)
            self.answered += 1
        return heard.is_awaited

    def _keyed(self, parsed: Parsed, *, is_joining: bool) -> Parsed | None:
        """A message with a version, as the publication that made it; None if no publication did."""
        assert parsed.version is not None
        key = self.versions.key_of(parsed.version, is_joining=is_joining)
        if key is None:
            return None
        envelope = Envelope(self.setting.first + key[0], key[1], self.said[key].sent_ns)
        return replace(parsed, envelope=Opened(envelope, intact=True, start=0))

    def _note_change(
        self, member: PoolMember, parsed: Parsed, message: str | bytes, at: int, *, is_joining: bool
    ) -> None:
        """Record a change of the state that nobody here published."""
        if is_joining or not self.setting.alone or self.drained_ns:
            self.recorder.ignore(message)
        else:
            self.recorder.strange.append(UnexpectedMessage(member.number, at, parsed.text or str(message)))

    def _read_late(self, member: PoolMember, parsed: Parsed, at: int) -> None:
        """After the drain, record only messages that were still expected: they are late, not lost."""
        opened = parsed.envelope
        if parsed.kind in KINDS and opened is not None and opened.intact:
            key = (opened.envelope.publisher - self.setting.first, opened.envelope.sequence, KINDS[parsed.kind])
            if key in member.outstanding:
                self._receive(member, parsed, at)

    def _read(self, member: PoolMember, parsed: Parsed, message: str | bytes, at: int) -> None:
        match parsed.kind:
            case MessageKind.TICK:
                value = dict(parsed.value) if parsed.value is not None else None
                self.recorder.ticks.append(Tick(member.number, at, value, parsed.text))
                member.ticks += 1
                member.in_ns = member.in_ns or at
            case MessageKind.IGNORED:
                self.recorder.ignore(message)
            case MessageKind.LEAVE | MessageKind.JOIN if parsed.member is not None:
                self._note(member, parsed.member, left=parsed.kind is MessageKind.LEAVE, at=at)
            case MessageKind.DELIVERY | MessageKind.REPLY:
                if parsed.kind is MessageKind.DELIVERY:
                    member.last_delivery = message
                self._receive(member, parsed, at)
            case _:
                self._note_unplaced(member, parsed, message, at)

    def _note_unplaced(self, member: PoolMember, parsed: Parsed, message: str | bytes, at: int) -> None:
        """Record a message that the workload cannot place.

        If a publication can be found in it, that publication has arrived and is no longer waited for.
        """
        unexpected = unplaced(parsed, message, member.number, at, self.setting.first)
        if unexpected.carries and not (0 <= unexpected.publisher < len(self.members) or self.setting.alone):
            return  # from another client of the server
        if self._is_excused(unexpected):
            self.recorder.ignore(message)
            return
        self.recorder.strange.append(unexpected)
        for kind in (Kind.REPLY, Kind.DELIVERY):
            key = (unexpected.publisher, unexpected.sequence, kind)
            if key in member.outstanding:
                member.outstanding.discard(key)
                return

    def _is_excused(self, unexpected: UnexpectedMessage) -> bool:
        """Whether an unknown format comes of a malformed message, or of a name that the workload may not know.

        A name must not break the format itself: what begins as JSON must be JSON.
        """
        if any(member.is_fuzzing for member in self.members):
            return not unexpected.carries or self.members[unexpected.publisher].is_fuzzing
        has_shape = unexpected.carries and self.members[unexpected.publisher].shape is not None
        return has_shape and not (unexpected.text[:1] in ("{", "[") and not _is_json(unexpected.text))

    def _note(self, member: PoolMember, about: str, *, left: bool, at: int) -> None:
        is_unsure = any(member.shape is not None or member.is_fuzzing for member in self.members)
        if not self._is_known(about) or (is_unsure and not any(member.name == about for member in self.members)):
            return
        self.recorder.notices.append(PresenceNotice(member.number, about, left, at))
        if left:
            member.outstanding_notices[about] -= 1

    def _receive(self, member: PoolMember, parsed: Parsed, at: int) -> None:
        kind = KINDS[parsed.kind]
        if parsed.envelope is None:
            self._receive_plain(member, parsed, kind, at)
            return
        envelope = parsed.envelope.envelope
        publisher = envelope.publisher - self.setting.first
        is_ours = 0 <= publisher < len(self.members)
        if publisher < 0 or not (is_ours or self.setting.alone):
            member.others_ns = at  # from an earlier pool, or from another client of the server
            return
        said = self.said.get((publisher, envelope.sequence))
        if is_ours and self.members[publisher].is_fuzzing:
            return
        name = self.members[publisher].name if is_ours else parsed.publisher or ""
        if is_ours and self.members[publisher].shape is not None and not self._is_another(publisher, parsed.publisher):
            name = parsed.publisher or name  # the server may normalise a name
        damage = damage_of(parsed, (publisher, envelope.sequence), name, said.forms if said is not None else ())
        if damage is not None:
            self.recorder.damage.append(damage)
        self.names_nobody = self.names_nobody or (kind is Kind.DELIVERY and parsed.publisher is None)
        self._heard(member, publisher, envelope.sequence, kind, at, intact=damage is None)

    def _receive_plain(self, member: PoolMember, parsed: Parsed, kind: Kind, at: int) -> None:
        """Match a message without an envelope to the oldest publication with this sender and text.

        Publications that this member has already received are skipped. If the channel names no senders, the text alone
        decides.
        """
        for said in self.said.values():
            publisher = self.members[said.publisher]
            if parsed.publisher is not None:
                speaks = publisher.name == parsed.publisher
            else:
                speaks = publisher is member if kind is Kind.REPLY else self._is_for(member, publisher)
            if speaks and said.plain == parsed.text and (member.number, kind) not in said.heard_by:
                self._heard(member, said.publisher, said.sequence, kind, at, intact=True)
                return
        cut = self._cut_short(member, parsed, kind)
        if cut is not None:
            self.recorder.damage.append(damaged_text(parsed.text, (cut.publisher, cut.sequence), cut.forms))
            self._heard(member, cut.publisher, cut.sequence, kind, at, intact=False)
        elif any(p.is_fuzzing for p in self.members):
            self.recorder.ignore(parsed.text)
        elif parsed.publisher is None or self._is_known(parsed.publisher):
            self.recorder.strange.append(UnexpectedMessage(member.number, at, parsed.text))

    def _cut_short(self, member: PoolMember, parsed: Parsed, kind: Kind) -> SentMessage | None:
        """The expected publication that starts with this text: its end, with the envelope, was cut off."""
        if len(parsed.text) < TELLING:
            return None
        for said in self.said.values():
            is_expected = (said.publisher, said.sequence, kind) in member.outstanding
            if is_expected and any(form.startswith(parsed.text) for form in said.forms):
                return said
        return None

    def _heard(self, member: PoolMember, publisher: int, sequence: int, kind: Kind, at: int, *, intact: bool) -> None:
        """Record a receipt; the publication is no longer expected."""
        said = self.said.get((publisher, sequence))
        self.recorder.received(member.number, publisher, sequence, said.sent_ns if said else 0, at, kind, intact)
        member.in_ns, member.heard_ns = member.in_ns or at, at
        member.outstanding.discard((publisher, sequence, kind))
        if said is not None:
            said.heard_by.add((member.number, kind))

    def _is_another(self, publisher: int, speaker: str | None) -> bool:
        """Whether the speaker that the server names is another member than the publisher."""
        return any(member.name == speaker and member.number != publisher for member in self.members)

    def _is_known(self, name: str) -> bool:
        """Whether a name belongs to this pool, or can only have been invented by a faulty server."""
        if any(member.name == name for member in self.members):
            return True
        return self.setting.alone and name not in self._names_before

    # Ending.

    @property
    def join_fault(self) -> str:
        """Why the first member that could not join could not; empty if all could."""
        return next((member.join_fault for member in self.members if member.join_fault), "")

    def came(self) -> str:
        """Describe the first thing that arrived, for a server that sent nothing the workload can place."""
        if self.recorder.strange:
            return shortened(self.recorder.strange[0].text)
        refusal = next((member.refusal for member in self.members if member.refusal), "")
        if refusal:
            return f"the refusal of the connection, {refusal}"
        ignored = ""
        if self.recorder.ignored:
            first = shortened(self.recorder.ignored_text)
            ignored = f"{self.recorder.ignored} message(s) that the workload reads as IGNORED, {first} for one"
        cut = [p for p in self.members if p.departure is Departure.DROPPED]
        if cut:
            code = f"close code {cut[0].close_code}" if cut[0].close_code is not None else "no close frame"
            return f"{ignored}{', and then ' if ignored else ''}the end of the connection, with {code}"
        return ignored or "nothing"

    def end_drain(self) -> None:
        """End the wait for expected messages. Those that arrive from now on, while members leave, are late."""
        self.drained_ns = self.recorder.drained_ns = now_ns()
        # After a silent wait the window ends with the drain: no message was on its way, so none is merely late.
        spoken = 0 if self.fell_silent else max((said.sent_ns for said in self.said.values()), default=0)
        self.recorder.end_ns = spoken or self.drained_ns
        self.recorder.members = [member.to_member() for member in self.members]
        for member in self.members:
            if not member.misbehaviour:
                for breach in member.client.peer.breaches:
                    self.recorder.protocol.append(
                        ProtocolNote(
                            member.number, breach.rule, breach.section, breach.level, breach.sentence, breach.evidence
                        )
                    )

    def history(self) -> History:
        """The history of this schedule.

        The last messages of a member that was disconnected, or that left abruptly, may be lost with its connection. So
        their outcome is uncertain unless another member received them.
        """
        for said in self.said.values():
            publisher = self.members[said.publisher]
            unsure = publisher.may_be_unread or publisher.departure is Departure.DROPPED or bool(publisher.misbehaviour)
            unsure = unsure or publisher.shape is not None  # the server may take no notice of such a name
            outcome = Outcome.INFO if said.is_unread or (unsure and not said.heard_by) else Outcome.OK
            if said.refusal is not None:
                outcome = said.refusal.outcome
            self.recorder.published(said.publisher, said.sequence, said.sent_ns, said.sent_ns, outcome=outcome)
        return self.recorder.freeze()

    def disconnect_all(self) -> None:
        """Disconnect all members, with a closing handshake if the server is quick. A second call does nothing."""
        for member in self.members:
            if member.can_speak and not member.stalled:
                member.left_ns = now_ns()
                member.client.peer.send_close()
        with contextlib.suppress(OSError, BudgetSpent, WorkloadError):
            self.wait(
                lambda: not any(self._is_leaving(p) for p in self.members), GIVEN_UP_S if self.gave_up else CLOSING_S
            )
        for member in self.members:
            member.client.abort()
            member.closed = True
            if member.http is not None:
                member.http.close()


def _is_json(text: str) -> bool:
    """Whether a text is JSON. One that is nested too deeply counts."""
    try:
        json.loads(text)
    except ValueError:
        return False
    except RecursionError:
        return True
    return True


def _end_in_words(close_code: int | None) -> str:
    return "without a close frame" if close_code is None else f"with close code {close_code}"
