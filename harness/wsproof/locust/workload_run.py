"""The workload run of all users of one class in one process: its parts, its members' connections, and its end."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic_ns
from typing import Any

from wsproof.errors import TargetError, WorkloadError
from wsproof.locust.connection import CLOCK, GeventConnection
from wsproof.locust.conversation import MemberConversation
from wsproof.locust.drain import Drain
from wsproof.locust.generator_fault import GeneratorFrozen, HandshakeAbandoned, HandshakeBroken, freeze_sentence
from wsproof.locust.live_meter import LiveMeter
from wsproof.locust.measured_run import MeasuredRun
from wsproof.locust.message import MessageCache
from wsproof.locust.outcome import give_up
from wsproof.locust.outstanding import OutstandingDeliveries
from wsproof.locust.run_members import RunMembers
from wsproof.locust.run_publisher import RunPublisher
from wsproof.locust.run_ramp import RunRamp
from wsproof.locust.run_receiver import RunReceiver
from wsproof.locust.self_lag import SelfLag
from wsproof.locust.stats import RunStats
from wsproof.model.expected import publications_with_unknown_outcome
from wsproof.model.history import Departure, Outcome, Recorder
from wsproof.model.measurement import Measurement, ServerUsage
from wsproof.model.nanoseconds import NS
from wsproof.model.plan import Phase, Plan
from wsproof.net.clock import clock_name
from wsproof.net.endpoint import Endpoint
from wsproof.target.member_endpoint import http_endpoint
from wsproof.workloads import Workload


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
        self.server_usage: ServerUsage | None = None
        """The usage of the server. None: its process is not visible, or it has users of other workloads, too."""
        self.conversations: dict[int, MemberConversation] = {}
        """The conversations of the members that are connected."""
        self.members = RunMembers(workload, speakers)
        self.messages = MessageCache(
            workload, first_publisher, lambda: len(self.members.all), keeps_foreign=shared, of_this_test=of_this_test
        )
        self.recorder = Recorder(start_ns=monotonic_ns(), keeps_alive=workload.keeps_alive)
        self.pending = OutstandingDeliveries()
        self.stats = RunStats(environment, workload.name)
        self.live = LiveMeter(self)
        self.pulse = SelfLag(self.flush)
        self.ramp = RunRamp(self.members, self.recorder, self._begin_window)
        self.receiver = self._make_receiver()
        self.publisher = self._make_publisher()
        self._drain = Drain(self.contract, self.members, self.messages, self.pending, self.publisher, self.receiver)
        self._watch_greenlets()

    def _make_receiver(self) -> RunReceiver:
        return RunReceiver(
            self.workload,
            self.members,
            self.messages,
            self.pending,
            self.recorder,
            self.stats,
            keeps_all_notices=self.alone or self.shared,
            ended=self.ended,
            crashed=self.crashed,
        )

    def _make_publisher(self) -> RunPublisher:
        return RunPublisher(
            self.workload,
            self.members,
            self.pending,
            self.recorder,
            self.ramp,
            first_publisher=self.first_publisher,
            rate_hz=self.rate_hz,
            payload_bytes=self.payload_bytes,
            endpoint_of=lambda member: http_endpoint(self.endpoint, self.workload, member),
            fail=self.stats.fail,
        )

    def _watch_greenlets(self) -> None:
        """Report a crash of the background greenlets."""
        pacer = self.publisher.pacer
        for greenlet in (self.pulse.greenlet, *((pacer.greenlet,) if pacer else ())):
            greenlet.link_exception(lambda ended: self._report_crash(ended.exception))

    @property
    def endpoint_url(self) -> str:
        """The URL of the server, without a path."""
        return self.endpoint.at("/").url.rstrip("/")

    # Joining and leaving.

    def join(self, replaces: int = -1, *, may_publish: bool = True) -> int:
        """Add a member and return its number. `replaces`: see `Member.replaces`."""
        number = self.members.add(replaces, may_publish=may_publish)
        self.ramp.add(number)
        return number

    def _begin_window(self) -> None:
        """Drop the figures so far: all users have arrived."""
        self.receiver.counted_from_ns = self.recorder.start_ns
        self.pulse.begin_window()
        self.stats.begin_window()

    def connected(self, line: GeventConnection, connect_ns: int) -> None:
        """Record a member's completed handshake, let it join, and start receiving."""
        member = line.member
        self.members.lines[member] = line
        self.receiver.is_stamped = self.receiver.is_stamped and line.is_stamped
        self.members.change(member, connect_ns=connect_ns, connected_ns=monotonic_ns())
        self.stats.connect.add(connect_ns)
        self.stats.fire("ws_connected", member=member, milliseconds=connect_ns * 1000 / NS)
        self.conversations[member] = MemberConversation(self, line)
        self.conversations[member].begin()
        if member in self.members.lines:
            line.listen()

    def joined(self, line: GeventConnection, *, is_subscribed: bool) -> None:
        """Let a member that has joined publish. `is_subscribed`: the server has promised to deliver to it."""
        if is_subscribed:
            self.members.came_in(line.member, monotonic_ns())
        self.publisher.add(line.member)
        self.ramp.arrived(line.member)

    def stop_expecting(self, member: int) -> None:
        """Expect nothing more of a member that reads slowly or not at all, on purpose.

        The server may leave messages out for it, or end its connection. Its latency is its own.
        """
        self.members.stop_expecting(member)
        self.pending.forget(member)

    def not_joined(self, line: GeventConnection, fault: str) -> None:
        """Record that a member could not join, and report a failure of its user."""
        self.members.change(line.member, join_fault=fault)
        self.left(line.member, Departure.DROPPED if line.gone.is_set() else Departure.FIN)
        line.abort()
        self.stats.fail("join", ConnectionError(f"the server {fault}"))

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
            self.stats.fail("generator", GeneratorFrozen(f"{freeze_sentence(frozen_ns)}; then a connection failed"))
        else:
            self.stats.fail("connect", self._of_any_member(line, fault))

    def not_back(self, line: GeventConnection, fault: Exception) -> None:
        """Report a failed attempt to come back. The user tries again as the same member.

        It tries as another if the server may have counted this one as present.
        """
        if isinstance(fault, HandshakeAbandoned | HandshakeBroken):
            self.left(line.member, Departure.CLOSED)
        line.abort()
        self.stats.fail("reconnect", self._of_any_member(line, fault))

    def _of_any_member(self, line: GeventConnection, fault: Exception) -> Exception:
        """The fault without the member's own URL, so that Locust shows those of all members in one row."""
        message, own_url = str(fault), line.endpoint.url
        return type(fault)(message.replace(own_url, self.endpoint_url)) if own_url in message else fault

    def left(self, member: int, departure: Departure, close_code: int | None = None) -> None:
        """Record that a member leaves, or that the server dropped or refused it.

        Call this before the client closes a connection. Does nothing if the member has already left.
        """
        if self.members[member].left_ns:
            return
        self.members.change(member, left_ns=monotonic_ns(), departure=departure, close_code=close_code)
        self.members.lines.pop(member, None)
        talk = self.conversations.pop(member, None)
        if talk is not None:
            talk.stop()
        self.publisher.remove(member, departure)
        self.pending.forget(member)
        self.ramp.arrived(member)
        was_in = member in self.members.present
        self.members.present.discard(member)
        if was_in and self.contract.leaves:
            self.pending.expect(("leave", self.members[member].name), self.members.beside(member))

    def ended(self, member: int, close_code: int | None) -> None:
        """Record that the server ended a connection unasked, and report a failure of its user.

        It may end the connection of a member that does not keep up.
        """
        now_ns = monotonic_ns()
        self.left(member, Departure.DROPPED, close_code)
        self.stats.fire("ws_ended", member=member, close_code=close_code)
        if member in self.members.unhurried:
            return
        frozen_ns = self.pulse.frozen_ns(now_ns)
        if frozen_ns:
            sentence = f"{freeze_sentence(frozen_ns)}; then the server ended connections"
            self.stats.fail("generator", GeneratorFrozen(sentence))
            return
        end = "without a close frame" if close_code is None else f"with close code {close_code}"
        self.stats.fail("connection", ConnectionError(f"the server ended the connection {end}"))

    def crashed(self, member: int, fault: Exception) -> None:
        """Record that wsproof crashed while reading a connection. The member counts as closed from now on."""
        self.left(member, Departure.CLOSED)
        self._report_crash(fault)

    def _report_crash(self, fault: Exception) -> None:
        if isinstance(fault, WorkloadError):
            give_up(self.environment, fault)
            self.stats.fail("channel file", fault)
            return
        self.environment.events.user_error.fire(user_instance=self, exception=fault, tb=fault.__traceback__)
        self.stats.fail("wsproof crashed", fault)

    def flush(self) -> None:
        """Pass the latest samples on to Locust, and check whether the wall clock was set."""
        CLOCK.check()
        self.stats.flush()
        self.live.step()

    # Ending.

    def stop_publishing(self) -> None:
        """Stop publishing and end the measured window. Does nothing the second time."""
        if self.recorder.end_ns:
            return
        end_ns = self.recorder.end_ns = monotonic_ns()
        if self.ramp.phase is Phase.WARMUP:
            self.recorder.start_ns = end_ns  # the test was stopped while users arrived
        self.publisher.stop(end_ns)

    def drain(self) -> None:
        """Stop publishing, and wait for all deliveries that may still arrive."""
        self.stop_publishing()
        self._drain.wait(self.recorder.end_ns)
        self.end_drain()

    def end_drain(self) -> None:
        """Record that messages were awaited until now. May be called again, after a longer wait."""
        self.recorder.drained_ns = monotonic_ns()
        self.flush()

    def close(self) -> None:
        """Stop the background greenlets."""
        self.stop_publishing()
        self.pulse.stop()
        self.publisher.close()

    def measurement(self) -> Measurement:
        """The history as a measurement, with the plan that the run corresponds to."""
        self.recorder.members = list(self.members.all)
        seconds = (self.recorder.end_ns - self.recorder.start_ns) / NS
        plan = Plan(
            workload=self.workload.name,
            subscribers=self.members.users,
            publishers=self.members.users if self.workload.publishes else 0,
            rate_hz=self.rate_hz,
            duration_s=seconds,
            warmup_s=0.0,
            payload_bytes=self.payload_bytes,
        )
        history = replace(self.recorder.freeze(), receipts=self.messages.receipts(), damage=tuple(self.messages.damage))
        sent = history.publications
        self.publisher.mark_refusals(sent)
        if not self.shared:  # the master knows what the members of other workers have received
            unsure = publications_with_unknown_outcome(sent.publisher, sent.sequence, history.receipts, history.members)
            sent.outcome[unsure & (sent.outcome == Outcome.OK)] = Outcome.INFO
        generator = replace(self.pulse.usage(self.publisher.unsent), stamps=self.receiver.stamps)
        return Measurement(plan, self.contract, history, generator, self.server_usage)

    def measured(self) -> MeasuredRun:
        """The run so far."""
        return MeasuredRun(
            self.user_class,
            self.measurement(),
            clock_name(),
            self.first_publisher,
            tuple(self.pulse.freezes),
            self.ramp.phase is Phase.MEASURED,
        )
