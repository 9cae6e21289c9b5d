"""All users of one class in one process: what they publish, what they hear, and the verdict at the end."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic_ns
from typing import Any

import gevent

from wsproof.checks import run_checks
from wsproof.locust.pulse import Pulse
from wsproof.locust.slots import Slots
from wsproof.model.contract import Audience
from wsproof.model.envelope import Envelope, body_of
from wsproof.model.finding import Finding
from wsproof.model.history import Departure, Kind, Member, Notice, Outcome, ProtocolNote, Recorder, Strange, Tick
from wsproof.model.measurement import Measurement
from wsproof.model.plan import NS, Phase, Plan
from wsproof.wire import BinaryMessage, Breach, TextMessage
from wsproof.workloads import Reading, Word, Workload

WORKER_BITS = 20
"""Publishers of other Locust workers are told apart by the bits above these: 1,048,576 users a worker."""
DRAIN_SECONDS = 10.0
KNOWN_AT_MOST = 4096


class Room:
    """One workload under load. `environment` is Locust's; `worker` is this process's number among the workers."""

    def __init__(self, environment: Any, workload: Workload, rate_hz: float, payload_bytes: int, worker: int) -> None:
        self.environment = environment
        self.workload = workload
        self.contract = workload.contract
        self.rate_hz = rate_hz
        self.payload_bytes = payload_bytes
        self.first_publisher = worker << WORKER_BITS
        self.slots = Slots(rate_hz)
        self.recorder = Recorder(start_ns=monotonic_ns())
        self.members: list[Member] = []
        self.pulse = Pulse()
        self.closing = False
        self._body = body_of(payload_bytes)
        self._sequences: list[int] = []
        self._missing: dict[tuple[int, int], int] = {}
        self._known: dict[str | bytes, Reading] = {}
        self._tick: tuple[str, int] = ("", 0)

    # Members come and go.

    def join(self) -> int:
        """A new member's number."""
        number = len(self.members)
        self.members.append(Member(number, self.workload.name_of(number)))
        self._sequences.append(0)
        return number

    def connected(self, member: int, connect_ns: int, now_ns: int) -> None:
        """A member's handshake is done."""
        self._change(member, connect_ns=connect_ns, connected_ns=now_ns)
        self._log("connect", connect_ns)

    def left(self, member: int, departure: Departure, close_code: int | None) -> None:
        """A member's connection is gone: on our word, or because the server dropped it."""
        if self.members[member].left_ns == 0:
            self._change(member, left_ns=monotonic_ns(), departure=departure, close_code=close_code)

    def breach(self, member: int, breach: Breach) -> None:
        """A frame of the server broke the protocol."""
        note = ProtocolNote(member, breach.rule, breach.section, breach.level, breach.sentence, breach.evidence)
        self.recorder.protocol.append(note)

    # What is said.

    def seal(self, member: int, intended_ns: int) -> tuple[int, str | bytes]:
        """The member's next publication: its number and the message."""
        sequence = self._sequences[member]
        self._sequences[member] += 1
        envelope = Envelope(self.first_publisher + member, sequence, intended_ns)
        return sequence, self.workload.publish(member, envelope, self._body)

    def published(self, member: int, sequence: int, intended_ns: int, sent_ns: int, outcome: Outcome) -> None:
        """A publication was handed over, or could not be."""
        self.recorder.published(member, sequence, intended_ns, sent_ns, Phase.MEASURED, outcome)
        if outcome is Outcome.OK:
            self._missing[member, sequence] = self._audience()

    def _audience(self) -> int:
        if self.contract.audience is Audience.PUBLISHER:
            return 1
        present = sum(1 for member in self.members if member.in_ns and not member.left_ns)
        return present - (self.contract.audience is Audience.OTHERS)

    # What is heard.

    def heard(self, member: int, event: TextMessage | BinaryMessage, now_ns: int) -> None:
        """A member got a message."""
        message = event.text if isinstance(event, TextMessage) else event.data
        reading = self._read(member, message)
        if reading.word in (Word.DELIVERY, Word.REPLY):
            self._delivered(member, reading, now_ns)
        elif reading.word is Word.LEAVE and reading.about is not None:
            self.recorder.notices.append(Notice(member, reading.about, True, now_ns))
        elif reading.word is Word.TICK:
            self._ticked(member, reading, now_ns)
        elif reading.word is Word.STRANGE:
            self.recorder.strange.append(Strange(member, now_ns, reading.text))

    def _read(self, member: int, message: str | bytes) -> Reading:
        """A broadcast is the same text for everybody: it is understood once."""
        reading = self._known.get(message)
        if reading is None:
            if len(self._known) >= KNOWN_AT_MOST:
                self._known.clear()
            reading = self._known[message] = self.workload.read(member, message)
        return reading

    def _delivered(self, member: int, reading: Reading, now_ns: int) -> None:
        opened = reading.opened
        if opened is None:
            self.recorder.strange.append(Strange(member, now_ns, reading.text))
            return
        envelope, is_reply = opened.envelope, reading.word is Word.REPLY
        if not is_reply:
            self._first_receipt(member, now_ns)
        if envelope.publisher >> WORKER_BITS != self.first_publisher >> WORKER_BITS:
            return  # another worker's: it is that worker's to judge, and its clock may be another
        publisher = envelope.publisher - self.first_publisher
        kind = Kind.REPLY if is_reply else Kind.DELIVERY
        intended_ns = envelope.intended_ns
        self.recorder.received(member, publisher, envelope.sequence, intended_ns, now_ns, kind, opened.intact)
        if not is_reply and opened.intact:
            self._log("latency from intended time", now_ns - intended_ns, len(reading.text))
            self._count(publisher, envelope.sequence, now_ns - intended_ns)

    def _count(self, publisher: int, sequence: int, age_ns: int) -> None:
        key = publisher, sequence
        missing = self._missing.get(key)
        if missing is None:
            return
        if missing > 1:
            self._missing[key] = missing - 1
        else:
            del self._missing[key]
            self._log("time to last", age_ns)

    def _ticked(self, member: int, reading: Reading, now_ns: int) -> None:
        self._first_receipt(member, now_ns)
        value = dict(reading.value) if reading.value is not None else None
        self.recorder.ticks.append(Tick(member, now_ns, value, reading.text))
        text, first_ns = self._tick
        if text != reading.text:
            self._tick = reading.text, now_ns
            first_ns = now_ns
        self._log("spread of a tick", now_ns - first_ns, len(reading.text))

    def _first_receipt(self, member: int, now_ns: int) -> None:
        if not self.members[member].in_ns:
            self._change(member, in_ns=now_ns)

    def _log(self, what: str, duration_ns: int, size_bytes: int = 0) -> None:
        # One event per delivery through Locust's request hook costs seven times a whole receipt; its tables and charts
        # are fed straight from these statistics, so nothing that a person sees is missing.
        self.environment.stats.log_request("WS", f"{self.workload.name}: {what}", duration_ns / 1e6, size_bytes)

    def _change(self, member: int, **changes: Any) -> None:
        self.members[member] = replace(self.members[member], **changes)

    # The end.

    def drain(self) -> None:
        """Stop publishing and wait until nothing is missing, at most DRAIN_SECONDS."""
        self.closing = True
        self.pulse.stop()
        end_ns = monotonic_ns()
        self.recorder.end_ns = end_ns
        while self._is_waiting() and monotonic_ns() - end_ns < DRAIN_SECONDS * NS:
            gevent.sleep(0.02)
        self.recorder.drained_ns = monotonic_ns()

    def _is_waiting(self) -> bool:
        return bool(self._missing) or any(not m.in_ns and not m.left_ns and m.connected_ns for m in self.members)

    def measurement(self) -> Measurement:
        """The room's history with the plan it amounts to."""
        self.recorder.members = list(self.members)
        seconds = (self.recorder.end_ns - self.recorder.start_ns) / NS
        plan = Plan(
            workload=self.workload.name,
            subscribers=len(self.members),
            publishers=len(self.members) if self.workload.publishes else 0,
            rate_hz=self.rate_hz,
            duration_s=seconds,
            warmup_s=0.0,
            payload_bytes=self.payload_bytes,
        )
        return Measurement(plan, self.contract, self.recorder.freeze(), self.pulse.usage())

    def judge(self) -> list[Finding]:
        """What the history says of the server."""
        measurement = self.measurement()
        return run_checks(measurement.history, measurement.contract)
