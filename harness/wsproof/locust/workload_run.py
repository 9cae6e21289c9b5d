"""The workload run of all users of one class in one process: publications, receipts and the final check."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from time import monotonic_ns
from typing import Any

import gevent
import numpy as np
from gevent.event import Event
from numpy.typing import NDArray

from wsproof.checks.feed import silence_ns
from wsproof.errors import TargetError, WorkloadError
from wsproof.locust.connection import CLOCK, GeventConnection
from wsproof.locust.conversation import MemberConversation
from wsproof.locust.drain import proven_lost
from wsproof.locust.events import fire
from wsproof.locust.generator_fault import (
    GeneratorFrozen,
    HandshakeAbandoned,
    HandshakeBroken,
    LoopTimeout,
    freeze_sentence,
)
from wsproof.locust.live_meter import LiveMeter
from wsproof.locust.measured_run import MeasuredRun
from wsproof.locust.message import MessageCache, ReceivedMessage
from wsproof.locust.outcome import give_up
from wsproof.locust.outside_publisher import OutsidePublisher
from wsproof.locust.outstanding import Key, OutstandingDeliveries
from wsproof.locust.pacer import RunPacer
from wsproof.locust.self_lag import SelfLag
from wsproof.locust.stats import RequestStats, log_failures
from wsproof.locust.tick_rounds import TickRounds
from wsproof.model.contract import Audience, Feed, Order
from wsproof.model.envelope import Envelope, body_of
from wsproof.model.expected import publications_with_unknown_outcome
from wsproof.model.history import (
    Departure,
    Kind,
    Member,
    Outcome,
    PresenceNotice,
    ProtocolNote,
    Recorder,
    Tick,
    UnexpectedMessage,
)
from wsproof.model.measurement import ArrivalStamps, Measurement, ServerUsage
from wsproof.model.nanoseconds import NS
from wsproof.model.outside_call import PublishAnswer
from wsproof.model.plan import Phase, Plan
from wsproof.net.clock import clock_name
from wsproof.net.endpoint import Endpoint
from wsproof.target.member_endpoint import http_endpoint
from wsproof.wire import Breach
from wsproof.workloads import MessageKind, Workload
from wsproof.workloads.damage import unplaced

DRAIN_SECONDS = 10.0
"""Longest drain, in seconds from the end of the measured window."""
DRAIN_STEP_SECONDS = 0.02
LOOK_SECONDS = 1.0
"""Seconds between two searches for certainly lost messages during a long drain."""
PLANNED_TO_STAY = (Departure.STAYED, Departure.DROPPED)
"""Departures of members that did not leave as planned."""
CATCH_UP_SECONDS = 0.1
"""Seconds to send publications that are overdue at the end of a test.

To stop a test, Locust first looks up its caller. This takes tens of ms, in which publications become due.
"""


class WorkloadRun:
    """One workload under load at `endpoint`, with all its members and their history.

    `user_class` is the name of the class of its users. `environment` is Locust's. `speakers` is the number of members
    that publish, from the first on; None: all. `first_publisher` is the id of the first member. It tells our
    publications from those of other processes, runs and earlier tests. `alone`: no other process or run has users in
    the same channel. `shared`: users of other processes of this test are in the channel, too, and the master judges all
    of them together. `of_this_test`: the ids of all these users, counted from `first_publisher`.
    """

    def __init__(
        self,
        environment: Any,
        workload: Workload,
        endpoint: Endpoint,
        *,
        rate_hz: float,
        payload_bytes: int,
        speakers: int | None = None,
        first_publisher: int = 0,
        alone: bool = True,
        shared: bool = False,
        of_this_test: range = range(0),
        user_class: str = "",
    ) -> None:
        self.environment = environment
        self.user_class = user_class
        self.workload = workload
        self.endpoint = endpoint
        self.contract = workload.contract
        self.rate_hz = rate_hz
        self.payload_bytes = payload_bytes
        self.speakers = speakers
        self.first_publisher = first_publisher
        self.alone = alone
        self.shared = shared
        self.members: list[Member] = []
        self.lines: dict[int, GeventConnection] = {}
        self.conversations: dict[int, MemberConversation] = {}
        """The conversations of the members that are connected."""
        self.present: set[int] = set()
        """Members that are present: connected, and with a first receipt."""
        self._silent: set[int] = set()
        """Members that never publish."""
        self._unhurried: set[int] = set()
        """Members that read slowly or not at all, on purpose."""
        self.pending = OutstandingDeliveries()
        self.messages = MessageCache(
            workload,
            first_publisher,
            lambda: len(self.members),
            keeps_foreign=shared,
            of_this_test=of_this_test,
        )
        self.recorder = Recorder(start_ns=monotonic_ns(), keeps_alive=workload.keeps_alive)
        self._begin_records()
        self._begin_tables()
        self.pulse = SelfLag(self.flush)
        self._outside = OutsidePublisher(self._http_endpoint, self._refused)
        self._refusals: dict[tuple[int, int], Outcome] = {}
        """The outcome of publications whose HTTP requests did not succeed, by publisher and sequence number."""
        self.pacer = RunPacer(rate_hz, self.publish) if workload.publishes else None
        for greenlet in (self.pulse.greenlet, *((self.pacer.greenlet,) if self.pacer else ())):
            greenlet.link_exception(self._greenlet_crashed)

    def _begin_records(self) -> None:
        """Set the counters and the records of single messages to their initial values."""
        self.server_usage: ServerUsage | None = None
        """The usage of the server. None: its process is not visible, or it has users of other workloads, too."""
        self.unsent = 0
        self.planned = 0
        """Deliveries that were expected in the measured window, also of publications that could not be made."""
        self.unplayed = 0
        """Planned deliveries whose publication could not be made, because the server had ended the connections."""
        self._intervals: list[tuple[int, int, int, int]] = []
        self._queues: list[tuple[int, int, int]] = []
        self._is_stamped = True
        self._arriving: set[int] = set()
        """Members that are neither in nor refused yet."""
        self._expected: int | None = None
        """The number of members that open the measured window. None: Locust still spawns users."""
        self.phase = Phase.WARMUP
        self.has_begun = Event()
        """Set once the measured window has begun."""
        self._known = self.messages.known
        self._received = self.messages.received
        self._names: dict[str, int] = {}
        self._sent_ns: list[array[int]] = []
        """The send times in ns of each member's publications, by sequence number. 0: the publication was not sent."""
        self._first_kind = _first_kind(self.workload)
        self._last_sent_ns: dict[int, int] = {}
        """The last send time in ns, by room of the channel."""
        feed = self.contract.feed
        self._last_tick_ns: dict[int, int] = {}
        """The time in ns at which each member received the last message of a feed."""
        self._rounds = TickRounds(feed.period_s if feed is not None else 0.0)
        self._body = body_of(self.payload_bytes)

    def _begin_tables(self) -> None:
        """Create the rows of Locust's tables and the live figures."""
        environment, name = self.environment, self.workload.name
        self.latency = RequestStats(environment, f"{name}: latency from intended time", in_total=True)
        self.to_last = RequestStats(environment, f"{name}: time to last")
        self.spread = RequestStats(environment, f"{name}: spread of a tick")
        self._connect = RequestStats(environment, f"{name}: connect")
        self._tables = (self.latency, self.to_last, self.spread, self._connect)
        self.live = LiveMeter(self)
        self._counted_from_ns = 0
        """Publications that were sent before are no part of the tables: users still arrived."""

    @property
    def endpoint_url(self) -> str:
        """The URL of the server, without a path."""
        return self.endpoint.at("/").url.rstrip("/")

    @property
    def users(self) -> int:
        """The number of users so far. One that came back is several members."""
        return sum(1 for member in self.members if member.replaces < 0)

    # Joining and leaving.

    def join(self, replaces: int = -1, *, may_publish: bool = True) -> int:
        """Add a member and return its number. `replaces`: see `Member.replaces`."""
        number = len(self.members)
        if not may_publish:
            self._silent.add(number)
        name = self.workload.name_of(number)
        self.members.append(Member(number, name, room=self.workload.room_of(number), replaces=replaces))
        self._names[name] = number
        self._sent_ns.append(array("q"))
        self._arriving.add(number)
        return number

    def all_spawned(self, users: int) -> None:
        """Begin the measured window once this many members have started, and each has joined or been refused."""
        if self._expected is None:
            self._expected = users
            self._arrived(None)

    def _arrived(self, member: int | None) -> None:
        if member is not None:
            self._arriving.discard(member)
        is_ready = self._expected is not None and self.users >= self._expected and not self._arriving
        if is_ready and self.phase is Phase.WARMUP and not self.recorder.end_ns:
            self.phase = Phase.MEASURED
            self.has_begun.set()
            self.recorder.start_ns = self._counted_from_ns = monotonic_ns()
            self.pulse.begin_window()
            if self.environment.reset_stats:
                for table in self._tables[:3]:
                    table.restart()

    def connected(self, line: GeventConnection, connect_ns: int) -> None:
        """Record a member's completed handshake, let it join, and start receiving."""
        member = line.member
        self.lines[member] = line
        self._is_stamped = self._is_stamped and line.is_stamped
        self._change(member, connect_ns=connect_ns, connected_ns=monotonic_ns())
        self._connect.add(connect_ns)
        self._fire("ws_connected", member=member, milliseconds=connect_ns * 1000 / NS)
        self.conversations[member] = MemberConversation(self, line)
        self.conversations[member].begin()
        if member in self.lines:
            line.listen()

    def joined(self, line: GeventConnection, *, is_subscribed: bool) -> None:
        """Let a member that has joined publish. `is_subscribed`: the server has promised to deliver to it."""
        if is_subscribed:
            self._came_in(line.member, monotonic_ns())
        if self.pacer is not None and line.member in self.lines and self._may_speak(line.member):
            self.pacer.add(line.member)
            self.pacer.replace(self.members[line.member].replaces)
        self._arrived(line.member)

    def _may_speak(self, member: int) -> bool:
        while self.members[member].replaces >= 0:
            member = self.members[member].replaces
        return member not in self._silent and (self.speakers is None or member < self.speakers)

    def stop_expecting(self, member: int) -> None:
        """Expect nothing more of a member that reads slowly or not at all, on purpose.

        The server may leave messages out for it, or end its connection. Its latency is its own.
        """
        self._change(member, stalled=True)
        self._unhurried.add(member)
        self.present.discard(member)
        self.pending.forget(member)

    def not_joined(self, line: GeventConnection, fault: str) -> None:
        """Record that a member could not join, and report a failure of its user."""
        self._change(line.member, join_fault=fault)
        self.left(line.member, Departure.DROPPED if line.gone.is_set() else Departure.FIN)
        line.abort()
        self.fail("join", ConnectionError(f"the server {fault}"))

    def not_connected(self, line: GeventConnection, fault: Exception) -> None:
        """Record that a member's handshake failed, and report a failure of its user.

        The server may have counted the member as present, unless it refused the connection or the handshake.
        """
        departures: dict[type[Exception], Departure] = {
            HandshakeAbandoned: Departure.CLOSED,
            HandshakeBroken: Departure.DROPPED,
        }
        self.left(line.member, departures.get(type(fault), Departure.REFUSED))
        line.abort()
        frozen_ns = self.pulse.frozen_ns(monotonic_ns())
        if frozen_ns and isinstance(fault, TargetError):
            self.fail("generator", GeneratorFrozen(f"{freeze_sentence(frozen_ns)}; then a connection failed"))
        else:
            self.fail("connect", self._of_any_member(line, fault))

    def not_back(self, line: GeventConnection, fault: Exception) -> None:
        """Report a failed attempt to come back. The user tries again as the same member.

        It tries as another if the server may have counted this one as present.
        """
        if isinstance(fault, HandshakeAbandoned | HandshakeBroken):
            self.left(line.member, Departure.CLOSED)
        line.abort()
        self.fail("reconnect", self._of_any_member(line, fault))

    def _of_any_member(self, line: GeventConnection, fault: Exception) -> Exception:
        """The fault without the member's own URL, so that Locust shows those of all members in one row."""
        told, own_url = str(fault), line.endpoint.url
        return type(fault)(told.replace(own_url, self.endpoint_url)) if own_url in told else fault

    def left(self, member: int, departure: Departure, close_code: int | None = None) -> None:
        """Record that a member leaves, or that the server dropped or refused it.

        Call this before the client closes a connection. Does nothing if the member has already left.
        """
        if self.members[member].left_ns:
            return
        self._change(member, left_ns=monotonic_ns(), departure=departure, close_code=close_code)
        self.lines.pop(member, None)
        talk = self.conversations.pop(member, None)
        if talk is not None:
            talk.stop()
        if self.pacer is not None:
            (self.pacer.lose if departure is Departure.DROPPED else self.pacer.remove)(member)
        self.pending.forget(member)
        self._arrived(member)
        was_in = member in self.present
        self.present.discard(member)
        if was_in and self.contract.leaves:
            self.pending.expect(("leave", self.members[member].name), self._beside(member))

    # Publishing.

    def publish(self, member: int, intended_ns: int) -> None:
        """Send a member's next publication. Does not block."""
        sequence = len(self._sent_ns[member])
        envelope = Envelope(self.first_publisher + member, sequence, intended_ns)
        message = self.workload.publish(member, envelope, self._body)
        line = self.lines.get(member)
        if line is None:  # the server has ended the connection
            is_sent, sent_ns = False, 0
        elif isinstance(message, str | bytes):
            is_sent = line.send(message)
            sent_ns = line.sent_ns
        else:
            is_sent, sent_ns = self._outside.publish(member, sequence, message), monotonic_ns()
        if not is_sent:
            self._sent_ns[member].append(0)
            self.recorder.published(member, sequence, intended_ns, 0, self.phase, Outcome.FAILED)
            self._plan(self._audience_without_failures(member), is_made=False)
            return
        self._sent_ns[member].append(sent_ns)
        self.recorder.published(member, sequence, intended_ns, sent_ns, self.phase, Outcome.OK)
        self._last_sent_ns[self.members[member].room] = sent_ns
        audience = self._audience(member)
        self._plan(len(audience), is_made=True)
        self.pending.expect((Kind.DELIVERY, member, sequence), audience)
        if self.contract.replies:
            self.pending.expect((Kind.REPLY, member, sequence), (member,))

    def _plan(self, deliveries: int, *, is_made: bool) -> None:
        """Count the deliveries of a publication of the measured window."""
        if self.phase is Phase.MEASURED:
            self.planned += deliveries
            self.unplayed += 0 if is_made else deliveries

    def _audience_without_failures(self, publisher: int) -> int:
        """The number of members that a publication would have reached if the server had kept all connections."""
        if self.contract.audience is Audience.PUBLISHER:
            return 1
        room = self.members[publisher].room
        replaced = {member.replaces for member in self.members}
        kept = sum(
            1
            for member in self.members
            if member.room == room
            and member.is_well_behaved
            and member.departure in PLANNED_TO_STAY
            and member.number not in replaced
        )
        return kept - (self.contract.audience is Audience.OTHERS)

    def set_rate_factor(self, factor: float) -> None:
        """Publish at `rate_hz` times the factor."""
        if self.pacer is not None:
            self.pacer.change_rate(self.rate_hz * factor)

    def sent_ns(self, publisher: int, sequence: int) -> int:
        """The time at which the publication was sent, in ns; 0 if it was not sent."""
        return self._sent_ns[publisher][sequence]

    def _refused(self, member: int, sequence: int, answer: PublishAnswer) -> None:
        """Record that the HTTP request of a publication did not succeed, and report a failure of its user."""
        refusal = self.recorder.refused(member, sequence, answer.status, answer.reason)
        for kind in (Kind.DELIVERY, Kind.REPLY):
            self.pending.drop((kind, member, sequence))
        self._refusals[member, sequence] = refusal.outcome
        self.fail("publish", ConnectionError(f"the request that should publish got {answer.reason}"))

    def _http_endpoint(self, member: int) -> Endpoint:
        return http_endpoint(self.endpoint, self.workload, member)

    def _audience(self, publisher: int) -> set[int]:
        match self.contract.audience:
            case Audience.EVERYONE:
                return self._beside(publisher)
            case Audience.OTHERS:
                return self._beside(publisher) - {publisher}
            case Audience.PUBLISHER:
                return {publisher}
        return set()

    def _beside(self, member: int) -> set[int]:
        """The present members in the member's room of the channel."""
        if self.workload.rooms == 1:
            return self.present
        return {other for other in self.present if self.members[other].room == self.members[member].room}

    # Receiving. None of these methods may block, since they run in the event loop.

    def hear(self, member: int, frame: bytes, payload: bytes, is_text: bool, now_ns: int) -> int:
        """Record the messages of a frame, and return their number. The hot path: most frames are in the cache."""
        message = self._known.get(frame)
        if message is not None:
            self._take(member, message, now_ns)
            return 1
        messages = self.messages.learn(member, frame, payload, is_text)
        for each in messages:
            self._take_new(member, each, now_ns)
        return len(messages)

    def hear_message(self, member: int, message: str | bytes, now_ns: int) -> None:
        """Record a message that may have come in one frame with others."""
        self._take_new(member, self.messages.message_of(member, message), now_ns)

    def _take_new(self, member: int, message: ReceivedMessage, now_ns: int) -> None:
        """Record a message that is not in the cache, or that calls for an answer."""
        self._look_up_publication(message)
        if message.parsed.needs_answer:
            self._answer(member, message.text)
        self._take(member, message, now_ns)

    def _take(self, member: int, message: ReceivedMessage, now_ns: int) -> None:
        if message.kind is None:
            self._hear_other(member, message, now_ns)
            return
        self._received((member, message.number, now_ns))
        if message.kind is self._first_kind and member not in self.present:
            self._came_in(member, now_ns)
        # A message sent before its reader was present (such as history) has no latency, as in stats/deliveries.py.
        counted_from_ns = max(self.members[member].in_ns, self._counted_from_ns)
        is_timed = message.sent_ns >= counted_from_ns and member not in self._unhurried
        if message.kind is Kind.DELIVERY and is_timed:
            self.latency.add(now_ns - message.intended_ns, message.size_bytes)
        waiting = message.waiting
        if waiting is not None and member in waiting:
            if len(waiting) > 1:
                waiting.discard(member)
            elif (
                self.pending.came(_key(message), member)
                and message.kind is Kind.DELIVERY
                and message.sent_ns >= self._counted_from_ns
            ):
                self.to_last.add(now_ns - message.intended_ns)
                self._fire("ws_reached_all", milliseconds=(now_ns - message.intended_ns) * 1000 / NS)

    def _look_up_publication(self, message: ReceivedMessage) -> None:
        """Note when a publication was sent, and who has not received it yet."""
        if message.kind is not None and message.intact:
            message.waiting = self.pending.of(_key(message))
            sent_ns = self._sent_ns[message.publisher]
            if message.sequence < len(sent_ns):
                message.sent_ns = sent_ns[message.sequence]

    def _answer(self, member: int, message: str | bytes) -> None:
        line = self.lines.get(member)
        if line is not None:
            for answer in self.workload.answer(member, message):
                line.send(answer)

    def _hear_other(self, member: int, message: ReceivedMessage, now_ns: int) -> None:
        parsed = message.parsed
        if message.is_foreign:
            if message.number >= 0:
                self._received((member, message.number, now_ns))
            if message.parsed.kind is MessageKind.DELIVERY and self._first_kind is Kind.DELIVERY:
                self._came_in(member, now_ns)
        elif parsed.kind is MessageKind.LEAVE and parsed.member is not None:
            self._record_leave(member, parsed.member, now_ns)
        elif parsed.kind is MessageKind.TICK:
            self._ticked(member, message, now_ns)
        elif (
            parsed.kind is MessageKind.IGNORED or parsed.version is not None
        ):  # the text does not say which publication
            self.recorder.ignore(message.text)
        elif parsed.kind is not MessageKind.JOIN:
            self.recorder.unexpected.append(
                unplaced(parsed, message.text, member, now_ns, self.messages.first_publisher)
            )

    def _record_leave(self, member: int, about: str, now_ns: int) -> None:
        if about in self._names or self.alone or self.shared:  # ignore the users of other runs
            self.recorder.notices.append(PresenceNotice(member, about, True, now_ns))
            self.pending.came(("leave", about), member)

    def _ticked(self, member: int, message: ReceivedMessage, now_ns: int) -> None:
        is_first = member not in self.present
        self._came_in(member, now_ns)
        parsed = message.parsed
        value = dict(parsed.value) if parsed.value is not None else None
        self.recorder.ticks.append(Tick(member, now_ns, value, parsed.text))
        self._last_tick_ns[member] = now_ns
        if is_first:  # may be a snapshot that repeats an old tick
            return
        spread_ns = self._rounds.add(member, now_ns)
        if spread_ns is not None:
            self.spread.add(spread_ns, message.size_bytes)

    def _came_in(self, member: int, now_ns: int) -> None:
        if member not in self.present and member not in self._unhurried and not self.members[member].left_ns:
            self.present.add(member)
            self._change(member, in_ns=now_ns)

    def unexpected(self, member: int, text: str, now_ns: int) -> None:
        """Record input that is not a valid message."""
        self.recorder.unexpected.append(UnexpectedMessage(member, now_ns, text))

    def breach(self, member: int, breach: Breach) -> None:
        """Record a server frame that violates the protocol."""
        note = ProtocolNote(member, breach.rule, breach.section, breach.level, breach.sentence, breach.evidence)
        self.recorder.protocol.append(note)

    def interval(self, row: tuple[int, int, int, int]) -> None:
        """Record messages that were read together."""
        self._intervals.append(row)

    def queued(self, row: tuple[int, int, int]) -> None:
        """Record a large read."""
        self._queues.append(row)

    def ended(self, member: int, close_code: int | None) -> None:
        """Record that the server ended a connection unasked, and report a failure of its user.

        It may end the connection of a member that does not keep up.
        """
        now_ns = monotonic_ns()
        self.left(member, Departure.DROPPED, close_code)
        self._fire("ws_ended", member=member, close_code=close_code)
        if member in self._unhurried:
            return
        frozen_ns = self.pulse.frozen_ns(now_ns)
        if frozen_ns:
            self.fail("generator", GeneratorFrozen(f"{freeze_sentence(frozen_ns)}; then the server ended connections"))
            return
        end = "without a close frame" if close_code is None else f"with close code {close_code}"
        self.fail("connection", ConnectionError(f"the server ended the connection {end}"))

    def crashed(self, member: int, fault: Exception) -> None:
        """Record that wsproof crashed while reading a connection. The member counts as closed from now on."""
        self.left(member, Departure.CLOSED)
        self._report_crash(fault)

    def _greenlet_crashed(self, greenlet: Any) -> None:
        self._report_crash(greenlet.exception)

    def _report_crash(self, fault: Exception) -> None:
        if isinstance(fault, WorkloadError):
            give_up(self.environment, fault)
            self.fail("channel file", fault)
            return
        self.environment.events.user_error.fire(user_instance=self, exception=fault, tb=fault.__traceback__)
        self.fail("wsproof crashed", fault)

    def fail(self, what: str, fault: Exception) -> None:
        """Report a failure in Locust's tables."""
        log_failures(self.environment, f"{self.workload.name}: {what}", fault, 1)

    def flush(self) -> None:
        """Pass the latest samples on to Locust, and check whether the wall clock was set."""
        CLOCK.check()
        for table in self._tables:
            table.flush()
        self.live.step()

    def _fire(self, name: str, **what: Any) -> None:
        """Fire an event of `wsproof.locust.events` for other plugins."""
        fire(self.environment, name, workload=self.workload.name, **what)

    def _change(self, member: int, **changes: Any) -> None:
        self.members[member] = replace(self.members[member], **changes)

    # Ending.

    def stop_publishing(self) -> None:
        """Stop publishing and end the measured window. Does nothing the second time.

        Overdue publications are still sent, for at most CATCH_UP_SECONDS.
        """
        if self.recorder.end_ns:
            return
        end_ns = self.recorder.end_ns = monotonic_ns()
        if self.phase is Phase.WARMUP:
            self.recorder.start_ns = end_ns  # the test was stopped while users arrived
        if self.pacer is not None:
            while self.pacer.overdue(end_ns) and monotonic_ns() < end_ns + CATCH_UP_SECONDS * NS:
                gevent.sleep(0.001)
            self.unsent = self.pacer.overdue(end_ns)
            self.pacer.stop()

    def drain(self) -> None:
        """Wait for all deliveries that may still arrive, at most DRAIN_SECONDS in which the event loop runs."""
        self.stop_publishing()
        timeout = LoopTimeout(DRAIN_SECONDS, DRAIN_STEP_SECONDS)
        look_ns = self.recorder.end_ns + int(LOOK_SECONDS * NS)
        while self._is_waiting() and timeout.spend():
            gevent.sleep(DRAIN_STEP_SECONDS)
            if monotonic_ns() >= look_ns:
                self._forget_lost()
                look_ns = monotonic_ns() + int(LOOK_SECONDS * NS)
        self.end_drain()

    def end_drain(self) -> None:
        """Record that messages were awaited until now. May be called again, after a longer wait."""
        self.recorder.drained_ns = monotonic_ns()
        self.flush()

    def _is_waiting(self) -> bool:
        if self.contract.feed is not None:
            return self._is_feed_silent(self.contract.feed, monotonic_ns())
        return bool(self.pending) or self._outside.is_busy or self._somebody_is_new()

    def _is_feed_silent(self, feed: Feed, now_ns: int) -> bool:
        """Whether a viewer has received nothing for so long that the feed would be called stopped.

        An overloaded server may only be late. Without the load it sends again.
        """
        since_ns = [
            self._last_tick_ns.get(member, self.members[member].connected_ns)
            for member in self.lines.keys() - self._unhurried
        ]
        is_late = any(now_ns - each > silence_ns(feed) for each in since_ns)
        return is_late or bool(since_ns and not self._last_tick_ns)

    def _somebody_is_new(self) -> bool:
        """Whether a member that has received nothing was connected before the last publication in its room."""
        if self.contract.audience not in (Audience.EVERYONE, Audience.OTHERS):
            return False
        return any(
            self.members[n].connected_ns < self._last_sent_ns.get(self.members[n].room, 0)
            for n in self.lines.keys() - self.present - self._unhurried
        )

    def _forget_lost(self) -> None:
        if self.contract.order is not Order.NONE:
            for key, member in proven_lost(self.pending, self.messages.receipts()):
                self.pending.came(key, member)

    def close(self) -> None:
        """Stop the background greenlets."""
        self.stop_publishing()
        self.pulse.stop()
        self._outside.close()

    def measurement(self) -> Measurement:
        """The history as a measurement, with the plan that the run corresponds to."""
        self.recorder.members = list(self.members)
        seconds = (self.recorder.end_ns - self.recorder.start_ns) / NS
        plan = Plan(
            workload=self.workload.name,
            subscribers=self.users,
            publishers=self.users if self.workload.publishes else 0,
            rate_hz=self.rate_hz,
            duration_s=seconds,
            warmup_s=0.0,
            payload_bytes=self.payload_bytes,
        )
        history = replace(self.recorder.freeze(), receipts=self.messages.receipts(), damage=tuple(self.messages.damage))
        sent = history.publications
        for (publisher, sequence), outcome in self._refusals.items():
            sent.outcome[(sent.publisher == publisher) & (sent.sequence == sequence)] = outcome
        if not self.shared:  # the master knows what the members of other workers have received
            unsure = publications_with_unknown_outcome(sent.publisher, sent.sequence, history.receipts, history.members)
            sent.outcome[unsure & (sent.outcome == Outcome.OK)] = Outcome.INFO
        generator = replace(self.pulse.usage(self.unsent), stamps=self.stamps)
        return Measurement(plan, self.contract, history, generator, self.server_usage)

    @property
    def stamps(self) -> ArrivalStamps:
        """The source of the receipt timestamps, and which of them are less accurate."""
        clock = "kernel" if self._is_stamped and self.members else "user"
        steps = [(step.after_ns, step.before_ns, step.by_ns) for step in CLOCK.steps]
        return ArrivalStamps(clock, _table(self._intervals, 4), _table(self._queues, 3), _table(steps, 3))

    def measured(self) -> MeasuredRun:
        """The run so far."""
        return MeasuredRun(
            self.user_class,
            self.measurement(),
            clock_name(),
            self.first_publisher,
            tuple(self.pulse.freezes),
            self.phase is Phase.MEASURED,
        )


def _table(rows: Sequence[Sequence[int]], width: int) -> NDArray[np.int64]:
    return np.array(rows, np.int64).reshape(-1, width)


def _key(message: ReceivedMessage) -> Key:
    return message.kind, message.publisher, message.sequence


def _first_kind(workload: Workload) -> Kind:
    """The kind of message that shows that a member is present: a tick, a reply or a delivery."""
    if workload.contract.feed is not None:
        return Kind.TICK
    return Kind.REPLY if workload.contract.audience is Audience.NOBODY else Kind.DELIVERY
