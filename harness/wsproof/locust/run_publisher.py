"""The publisher of a workload run: sends the publications of all members, and counts their planned deliveries."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns

import gevent

from wsproof.locust.outside_publisher import OutsidePublisher
from wsproof.locust.outstanding import OutstandingDeliveries
from wsproof.locust.pacer import RunPacer
from wsproof.locust.run_members import RunMembers
from wsproof.locust.run_ramp import RunRamp
from wsproof.model.envelope import Envelope, body_of
from wsproof.model.history import Departure, Kind, Outcome, Publications, Recorder
from wsproof.model.nanoseconds import NS
from wsproof.model.outside_call import PublishAnswer
from wsproof.model.plan import Phase
from wsproof.net.endpoint import Endpoint
from wsproof.workloads import Workload

CATCH_UP_SECONDS = 0.1
"""Seconds to send publications that are overdue at the end of a test.

To stop a test, Locust first looks up its caller. This takes tens of ms, in which publications become due.
"""


class RunPublisher:
    """Publishes for the members of a run: at the intended times, `rate_hz` times per second in all.

    `endpoint_of` returns where a member sends its HTTP requests. `fail` reports a failure of a user.
    """

    def __init__(
        self,
        workload: Workload,
        members: RunMembers,
        pending: OutstandingDeliveries,
        recorder: Recorder,
        ramp: RunRamp,
        *,
        first_publisher: int,
        rate_hz: float,
        payload_bytes: int,
        endpoint_of: Callable[[int], Endpoint],
        fail: Callable[[str, Exception], None],
    ) -> None:
        self._workload = workload
        self._members = members
        self._pending = pending
        self._recorder = recorder
        self._ramp = ramp
        self._first_publisher = first_publisher
        self._rate_hz = rate_hz
        self._fail = fail
        self.body = body_of(payload_bytes)
        self.planned = 0
        """Deliveries that were expected in the measured window, also of publications that could not be made."""
        self.unplayed = 0
        """Planned deliveries whose publication could not be made, because the server had ended the connections."""
        self.unsent = 0
        """Publications that were due at the end of the window but were not sent."""
        self.last_sent_ns: dict[int, int] = {}
        """The last send time in ns, by room of the channel."""
        self._refusals: dict[tuple[int, int], Outcome] = {}
        """The outcome of publications whose HTTP requests did not succeed, by publisher and sequence number."""
        self._outside = OutsidePublisher(endpoint_of, self._refused)
        self.pacer = RunPacer(rate_hz, self.publish) if workload.publishes else None

    @property
    def is_busy(self) -> bool:
        """Whether an HTTP request or a call that publishes has no answer yet."""
        return self._outside.is_busy

    def add(self, member: int) -> None:
        """Publish for a member that has joined, if it may publish, instead of the member that it replaces."""
        if self.pacer is not None and member in self._members.lines and self._members.may_speak(member):
            self.pacer.add(member)
            self.pacer.replace(self._members[member].replaces)

    def remove(self, member: int, departure: Departure) -> None:
        """Stop publishing for a member that has left. What a dropped one would have published stays due."""
        if self.pacer is not None:
            (self.pacer.lose if departure is Departure.DROPPED else self.pacer.remove)(member)

    def publish(self, member: int, intended_ns: int) -> None:
        """Send a member's next publication. Does not block."""
        members = self._members
        sequence = len(members.sent_ns[member])
        envelope = Envelope(self._first_publisher + member, sequence, intended_ns)
        message = self._workload.publish(member, envelope, self.body)
        line = members.lines.get(member)
        if line is None:  # the server has ended the connection
            is_sent, sent_ns = False, 0
        elif isinstance(message, str | bytes):
            is_sent = line.send(message)
            sent_ns = line.sent_ns
        else:
            is_sent, sent_ns = self._outside.publish(member, sequence, message), monotonic_ns()
        if not is_sent:
            members.sent_ns[member].append(0)
            self._recorder.published(member, sequence, intended_ns, 0, self._ramp.phase, Outcome.FAILED)
            self._plan(members.audience_without_failures(member), is_made=False)
            return
        members.sent_ns[member].append(sent_ns)
        self._recorder.published(member, sequence, intended_ns, sent_ns, self._ramp.phase, Outcome.OK)
        self.last_sent_ns[members[member].room] = sent_ns
        audience = members.audience(member)
        self._plan(len(audience), is_made=True)
        self._pending.expect((Kind.DELIVERY, member, sequence), audience)
        if self._workload.contract.replies:
            self._pending.expect((Kind.REPLY, member, sequence), (member,))

    def _plan(self, deliveries: int, *, is_made: bool) -> None:
        """Count the deliveries of a publication of the measured window."""
        if self._ramp.phase is Phase.MEASURED:
            self.planned += deliveries
            self.unplayed += 0 if is_made else deliveries

    def set_rate_factor(self, factor: float) -> None:
        """Publish at `rate_hz` times the factor."""
        if self.pacer is not None:
            self.pacer.change_rate(self._rate_hz * factor)

    def _refused(self, member: int, sequence: int, answer: PublishAnswer) -> None:
        """Record that the HTTP request of a publication did not succeed, and report a failure of its user."""
        refusal = self._recorder.refused(member, sequence, answer.status, answer.reason)
        for kind in (Kind.DELIVERY, Kind.REPLY):
            self._pending.drop((kind, member, sequence))
        self._refusals[member, sequence] = refusal.outcome
        self._fail("publish", ConnectionError(f"the request that should publish got {answer.reason}"))

    def mark_refusals(self, sent: Publications) -> None:
        """Set the outcome of the publications whose HTTP requests did not succeed."""
        for (publisher, sequence), outcome in self._refusals.items():
            sent.outcome[(sent.publisher == publisher) & (sent.sequence == sequence)] = outcome

    def overdue(self, now_ns: int) -> int:
        """The number of publications that are due but not sent; after the end of the window, those at its end."""
        if self.pacer is None or self._recorder.end_ns:
            return self.unsent
        return self.pacer.overdue(now_ns)

    def stop(self, end_ns: int) -> None:
        """Stop publishing. Overdue publications are still sent, for at most CATCH_UP_SECONDS."""
        if self.pacer is not None:
            while self.pacer.overdue(end_ns) and monotonic_ns() < end_ns + CATCH_UP_SECONDS * NS:
                gevent.sleep(0.001)
            self.unsent = self.pacer.overdue(end_ns)
            self.pacer.stop()

    def close(self) -> None:
        """Close the connections for HTTP requests."""
        self._outside.close()
