"""A pool of clients in one thread: they join, publish and leave one after the other, and all of them receive."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from wsproof.delivery.altered_workload import with_names, with_rooms
from wsproof.delivery.credentials import Access, altered_endpoint, credentials_of, exchanged_credentials
from wsproof.delivery.member import PoolMember
from wsproof.delivery.member_loop import CLOSING_S, SLICE_S, MemberLoop
from wsproof.delivery.names import NameShape, shaped_name
from wsproof.delivery.pool_settings import GIVEN_UP_S, PoolSettings
from wsproof.delivery.rate_pacer import RatePacer, source_of
from wsproof.delivery.sent_messages import SentMessage
from wsproof.errors import TargetError, UsageError, WorkloadError
from wsproof.model.envelope import Envelope
from wsproof.model.history import SILENCE, Departure, ProtocolNote
from wsproof.model.outside_call import OutsideCall, PublishAnswer
from wsproof.model.suite import Figure
from wsproof.net.budget import BudgetSpent
from wsproof.net.client import Client
from wsproof.net.clock import Deadline, now_ns
from wsproof.net.endpoint import Endpoint
from wsproof.net.http_connection import HttpConnection
from wsproof.net.outside_call import CALL_S, CallInThread
from wsproof.target.member_endpoint import member_endpoint
from wsproof.wire import State
from wsproof.wire.handshake import Response
from wsproof.workloads import Conversation, HttpRequest, Publication, expired, prepared, text_of
from wsproof.workloads.steps import JoinSteps

TINY_BUFFER = 4_096
"""Receive buffer, in bytes, of a member that joins with `has_small_buffer`."""
JOIN_AT_MOST_S = 600.0
"""Seconds after which a join ends in any case. Each wait of the workload's `join` has its own timeout."""
INTRUDER_JOINS_S = 1.0
"""Seconds that a member without the right credentials may take to join. A good server never lets it."""
SEARCHED = 1_000
"""Maximum number of member numbers to search for one in the wanted room."""


class ClientPool(MemberLoop):
    """The members of one schedule: how they join, publish and leave."""

    def __init__(self, setting: PoolSettings) -> None:
        super().__init__(setting)
        self.next_alias = setting.first
        self.first_published: str | bytes | None = None
        """The first publication, as it was sent; the body of an HTTP request, or the text that a call publishes."""
        self.names: dict[int, str] = {}
        """Names of unusual shapes, by the number that a usual name would be derived from."""
        if setting.has_shapes:
            self.setting = replace(setting, workload=with_names(setting.workload, self.names))
        self.moved: dict[int, int] = {}
        """The rooms of members that have changed theirs, by alias."""
        self.measured: dict[str, Figure] = {}
        """Measurements of the schedule, by name."""
        limit = self.contract.rate_limit or setting.pace
        self.pacer = RatePacer(limit, setting.timeout_s) if limit is not None else None
        self.rate = 0.0
        """The highest rate of a stream that the server has taken, in messages per second; 0 before a stream."""

    @property
    def next_first(self) -> int:
        """The first number that no member of this pool has used."""
        return max(self.next_alias, self.setting.first + len(self.members))

    # Joining.

    def join(
        self,
        earlier: PoolMember | None = None,
        *,
        room: int = 0,
        has_small_buffer: bool = False,
        access: Access | None = None,
        shape: NameShape | None = None,
        resumes: bool = False,
    ) -> PoolMember:
        """Connect another member, under the name of member `earlier` if given, and let it join.

        With `resumes` it continues the session of `earlier`: it tells the server what it has received, and waits for
        the messages that it missed. A member whose handshake the server refuses, or that cannot join, is returned
        closed.

        Raises:
            TargetError: the server does not answer.
            UsageError: the workload puts no member into this room.
        """
        alias = earlier.alias if earlier is not None else self._new_alias(room)
        workload = self.setting.workload
        if shape is not None:
            first_name = self.members[0].name if self.members else "0"
            self.names[alias] = shaped_name(shape, workload.name_of(alias), first_name)
        refusal = self._prepare(alias) if earlier is None else ""
        if access is Access.EXPIRED and not refusal:
            refusal = expired(workload, alias, self.setting.endpoint.http_url)
        member = self._new_member(alias, refusal, access=access, has_small_buffer=has_small_buffer)
        member.shape = shape
        if member.closed or not self._connect(member):
            return member
        steps = None
        if resumes and earlier is not None:
            member.resumes = earlier.number
            member.outstanding |= self.sent.missed_by(earlier)
            steps = workload.resume(alias, earlier.last_delivery)
        self._converse(member, steps)
        return member

    def join_at_once(self, count: int, room: int = 0) -> list[PoolMember]:
        """Connect `count` members at once: all handshakes are sent before the first answer is read.

        Raises:
            TargetError: the server does not answer.
            UsageError: the workload puts no member into this room.
        """
        aliases = [self._new_alias(room) for _ in range(count)]
        refusals = [self._prepare(alias) for alias in aliases]
        members = [self._new_member(alias, refusal) for alias, refusal in zip(aliases, refusals, strict=True)]
        connecting = [member for member in members if not member.closed]
        for member in members:
            member.joined_at_once = True
        for member in connecting:
            member.client.connect()
        began = now_ns()
        for member in connecting:
            member.client.peer.connect()
        for member in connecting:
            member.client.flush()
        answers = [(member, member.client.finish_opening()) for member in connecting]
        accepted = [member for member, answer in answers if self._take_last_answer(member, answer, began)]
        for member in accepted:
            self._start_to_join(member)
        for member in accepted:
            self._finish_to_join(member)
        return members

    def join_silently(self, room: int = 0) -> PoolMember:
        """Connect a client that sends nothing after its handshake.

        Raises:
            TargetError: the server does not answer.
            UsageError: the workload puts no member into this room.
        """
        alias = self._new_alias(room)
        member = self._new_member(alias, self._prepare(alias))
        member.misbehaviour = SILENCE
        if not member.closed:
            self._connect(member)
        return member

    def _prepare(self, alias: int) -> str:
        """Let the workload prepare a member before it connects. Returns why the server refused; empty if it did not."""
        workload = self.setting.workload
        return prepared(workload, alias, self.setting.endpoint.http_url) if workload.has_prepare else ""

    def _new_member(
        self, alias: int, refusal: str, *, access: Access | None = None, has_small_buffer: bool = False
    ) -> PoolMember:
        """A member that is not connected yet. It is closed if it could not be prepared, and has no own endpoint."""
        setting, workload, number = self.setting, self.setting.workload, len(self.members)
        endpoint, credentials = setting.endpoint if refusal else self.endpoint_of(alias), tuple[str, ...]()
        others: Mapping[str, str] = {}
        if access is not None and not refusal:
            credentials = credentials_of(workload, alias, endpoint)
            if access is Access.OTHER_ROOM:
                others = self._of_another_room(credentials, workload.room_of(alias))
                refusal = "" if others else "has no credentials that differ from those of other rooms"
            endpoint = altered_endpoint(endpoint, credentials, access, others)
        client = Client(
            endpoint,
            deadline_s=setting.budget.at_most(setting.deadline_s),
            receive_buffer=TINY_BUFFER if has_small_buffer else None,
            seed=setting.seed + number,
        )
        member = PoolMember(number, alias, workload.name_of(alias), client, room=workload.room_of(alias))
        if access is not None:
            member.access, member.misbehaviour = access, f"a handshake {access.value}"
            member.credentials, member.others_credentials = credentials, others
        if refusal:
            member.departure, member.closed, member.refusal = Departure.REFUSED, True, f"the member {refusal}"
        self.members.append(member)
        return member

    def _of_another_room(self, own: Sequence[str], room: int) -> Mapping[str, str]:
        """The credentials of a new member of another room, by the own credentials that each replaces."""
        workload = self.setting.workload
        other = self._new_alias((room + 1) % workload.rooms)
        if workload.rooms < 2 or self._prepare(other):
            return {}
        return exchanged_credentials(own, credentials_of(workload, other, self.endpoint_of(other)))

    def _connect(self, member: PoolMember) -> bool:
        """Open the connection of a member; False if the server refuses the handshake.

        Raises:
            TargetError: the server does not answer.
        """
        began = now_ns()
        return self._take_last_answer(member, self._handshake(member), began)

    def _take_last_answer(self, member: PoolMember, response: Response, began: int) -> bool:
        """Repeat a handshake that the server refused because of its load. Note the last answer; False if it refused.

        Raises:
            TargetError: the server does not answer.
        """
        retries = 0
        while member.access is None and (pause_s := self.setting.retries.pause_s(response.status, retries)) is not None:
            member.client.abort()
            member.closed = True  # while the others receive
            self.wait(lambda: False, pause_s)
            retries += 1
            seed = self.setting.seed + member.number + retries
            member.client, member.closed, began = member.client.renewed(seed), False, now_ns()
            response = self._handshake(member)
        return self._take_answer(member, response, began)

    def _handshake(self, member: PoolMember) -> Response:
        """Connect a member's client. Raises TargetError if the server does not answer."""
        try:
            return self._open(member.client)
        except TargetError:
            member.client.abort()
            member.closed = True
            raise

    def _take_answer(self, member: PoolMember, response: Response, began: int) -> bool:
        """Note how the server answered a handshake that began at this time; False if it refused."""
        if member.client.peer.state is not State.OPEN:
            member.departure, member.closed = Departure.REFUSED, True
            member.refusal = response.describe()
            member.client.abort()
            return False
        member.connected_ns = now_ns()
        member.connect_ns = member.connected_ns - began
        return True

    def move(self, member: PoolMember, room: int) -> PoolMember:
        """Let a member change its room. Return it as a new member of the pool, on the same connection."""
        self.settle()
        if not self.moved:
            self.setting = replace(self.setting, workload=with_rooms(self.setting.workload, self.moved))
        number, workload = len(self.members), self.setting.workload
        steps = workload.move(member.alias, room)
        moved = PoolMember(number, member.alias, member.name, member.client, room=room)
        moved.connect_ns, moved.http = member.connect_ns, member.http
        self.members.append(moved)
        member.left_ns = moved.connected_ns = now_ns()
        member.departure, member.closed = Departure.CLOSED, True
        member.outstanding.clear()
        member.outstanding_notices.clear()
        self._converse(moved, steps)
        self.moved[member.alias] = room
        return moved

    def _converse(self, member: PoolMember, steps: JoinSteps | None = None) -> None:
        """Let a member join, while all others continue to receive.

        Raises:
            BudgetSpent: the run's time is over.
        """
        self._start_to_join(member, steps)
        self._finish_to_join(member)

    def _start_to_join(self, member: PoolMember, steps: JoinSteps | None = None) -> None:
        """Send the first messages with which a member joins."""
        conversation = member.conversation = Conversation(self.setting.workload, member.alias, steps)
        self._hand_over_all(member, conversation.start(now_ns()))

    def _finish_to_join(self, member: PoolMember) -> None:
        """Wait until a member has joined, or cannot.

        Raises:
            BudgetSpent: the run's time is over.
        """
        conversation = member.conversation
        assert conversation is not None
        if conversation.is_joining:
            self.wait(
                lambda: not conversation.is_joining, JOIN_AT_MOST_S if member.access is None else INTRUDER_JOINS_S
            )
        if conversation.fault:
            member.join_fault = conversation.fault
            if not member.closed:
                self.depart(member, Departure.FIN)
                member.client.abort()
                member.closed = True

    def _open(self, client: Client) -> Response:
        """Connect a client while others may continue to publish.

        Raises:
            TargetError: the server does not answer.
        """
        if self.background is None:
            return client.open()
        client.connect()
        client.peer.connect()
        deadline = Deadline.after(client.deadline_s)
        while client.wait_response(self.background.wait_s) is None:
            self.poll_once(0)
            if client.ended or deadline.passed:
                client.abort()
                raise TargetError(f"{client.endpoint.url} did not answer a handshake while other members published")
        response = client.peer.response
        assert response is not None
        return response

    def endpoint_of(self, alias: int) -> Endpoint:
        """The endpoint of this member, with its own headers and subprotocols."""
        endpoint = member_endpoint(self.setting.endpoint, self.setting.workload, alias)
        return replace(endpoint, source=source_of(alias, endpoint)) if self.pacer is not None else endpoint

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
            f"{first} to {first + SEARCHED - 1} into room {room}: let it assign members to rooms 0 to "
            f"{workload.rooms - 1}, as `member % {max(workload.rooms, 2)}` does."
        )

    # Leaving.

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

    def new_publication(self, member: PoolMember, body: str, *, plain: bool = False) -> Publication:
        """Record a publication and the receipts to expect. Return the message, request or call, still unsent."""
        sequence, member.sequence = member.sequence, member.sequence + 1
        sent_ns = now_ns()
        if plain and self.messages.names_nobody and self.sent.has_other(body, member):
            plain = False  # the channel names no publishers, so identical texts of two members cannot be distinguished
        envelope = Envelope(self.setting.first + member.number, sequence, sent_ns)
        message = body if plain else self.setting.workload.publish(member.alias, envelope, body)
        whole_message = (message,) if isinstance(message, str) else ()
        forms = (envelope.seal(body), *whole_message)
        publication = SentMessage(member.number, sequence, sent_ns, body if plain else None, forms)
        self.sent.add(publication, member)
        if self.pacer is not None:
            self.pacer.count(member.client.endpoint.source, publication)
        self.messages.versions.published(member.number, sequence)
        if self.first_published is None:
            self.first_published = text_of(message, envelope.seal(body))
        return message

    def may_publish(self, member: PoolMember) -> bool:
        """Whether one more publication of this member is within the rate limit."""
        return self.pacer is None or self.pacer.allows(member.client.endpoint.source, now_ns())

    def keep_rate(self, member: PoolMember) -> bool:
        """Wait until one more publication of this member is within the rate limit.

        False if the member has been cut off meanwhile.
        """
        if self.pacer is None or self.may_publish(member):
            return True
        longest_s = self.setting.timeout_s + 2 * self.pacer.limit.window_s
        self.wait(lambda: self.may_publish(member) or not member.is_connected, longest_s)
        return member.can_send

    def publish(self, member: PoolMember, body: str, *, plain: bool = False) -> None:
        """Publish a message in one piece, without waiting until the server has read it.

        The method waits for the answer to a request or a call. Otherwise the member's next one might overtake it.
        """
        if not self.keep_rate(member):
            return
        message = self.new_publication(member, body, plain=plain)
        if isinstance(message, str | bytes):
            self.hand_over(member, message)
        else:
            self.publish_outside(member, message)

    def publish_outside(self, member: PoolMember, publication: HttpRequest | OutsideCall) -> None:
        """Publish by a request or a call, and wait for the answer while all members continue to receive.

        Raises:
            BudgetSpent: the run's time is over.
        """
        if isinstance(publication, HttpRequest):
            answer = self._request(member, publication)
        else:
            call = CallInThread()
            call.begin(publication)
            answer = self._answer_of(call, CALL_S)
            call.close()
        if not answer.is_accepted:
            self.sent.refuse(member, answer)

    def _request(self, member: PoolMember, request: HttpRequest) -> PublishAnswer:
        deadline_s = self.setting.deadline_s
        http = member.http = member.http or HttpConnection(self.endpoint_of(member.alias), deadline_s=deadline_s)
        try:
            http.begin(request)
        except TargetError as error:
            return PublishAnswer(str(error))
        return self._answer_of(http, deadline_s)

    def _answer_of(self, request: HttpConnection | CallInThread, timeout_s: float) -> PublishAnswer:
        """Wait for the answer to a request or call that has begun."""
        deadline = Deadline.after(timeout_s)
        while (answer := request.advance()) is None:
            self.setting.budget.check()
            if deadline.passed:
                return request.give_up()
            self._receive_all(min(SLICE_S, deadline.remaining_s), request)
        return answer

    # Ending.

    @property
    def join_fault(self) -> str:
        """The first reason why a member could not join; empty if all members could."""
        return next((member.join_fault for member in self.members if member.join_fault), "")

    def end_drain(self) -> None:
        """End the wait for expected messages. Those that arrive from now on, while members leave, are late."""
        drained_ns = self.recorder.drained_ns = now_ns()
        # After a silent wait the window ends with the drain: no message was on its way, so a missing one is not late.
        self.recorder.silent_ns = self.silent_ns
        self.recorder.end_ns = self.sent.last_ns if self.sent.last_ns > self.silent_ns else drained_ns
        self.recorder.members = [member.to_member() for member in self.members]
        for member in self.members:
            if not member.misbehaviour:
                for breach in member.client.peer.breaches:
                    self.recorder.protocol.append(
                        ProtocolNote(
                            member.number, breach.rule, breach.section, breach.level, breach.sentence, breach.evidence
                        )
                    )

    def disconnect_all(self) -> None:
        """Disconnect all members, with a closing handshake if the server is quick. A second call does nothing."""
        for member in self.members:
            if member.can_send and not member.stalled:
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
