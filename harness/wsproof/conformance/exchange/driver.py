"""The driver: runs a script on a connection and records the transcript.

The driver never sleeps. A wait ends with the pong to a final ping, the echo of a final text, or the end of TCP. If the
server omits an expected answer, a timeout ends the wait.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from wsproof.conformance.endpoint_profile import BARRIER, EndpointProfile, Message, MessageEvents
from wsproof.conformance.exchange.login import log_in
from wsproof.conformance.exchange.segment_barrier import SegmentBarrier
from wsproof.conformance.exchange.timeouts import AnswerKind, Timeout, Timeouts
from wsproof.conformance.exchange.transcript import Transcript, http_line
from wsproof.conformance.oracle.deflate_negotiation import offers_deflate
from wsproof.conformance.oracle.frames import ConnectionOutcome, Expectation, expect_frames
from wsproof.conformance.oracle.handshake import HandshakeAnswer, HandshakeExpectation, expect_answer
from wsproof.conformance.oracle.inflate import BOMB_BYTES, InflatedMessage
from wsproof.conformance.script import Await, Raw, Script, ScriptEnd, SendFrame
from wsproof.net.client import Client
from wsproof.net.clock import now_ns
from wsproof.net.endpoint import Endpoint
from wsproof.wire import (
    MASK,
    CloseReceived,
    DeflateAgreement,
    Event,
    Frame,
    MessageDropped,
    Opcode,
    PongReceived,
    Request,
)

__all__ = ["Driver"]

KEY = "d3Nwcm9vZi1yZmM2NDU1IQ=="
_MOMENT_S = 0.05
"""Seconds to wait for a late failure that is not expected any more."""
_LARGEST_BYTES = BOMB_BYTES + 1024
"""Largest message in bytes that the client accepts: a bomb, with any prefix that the endpoint adds."""
_BOMB_WAITS = 5
"""Timeouts that a server may take to inflate and answer a bomb."""


_SPREAD_NS = 2_000_000_000
"""Longest time in ns over which the segments of one stream are spread. A server may close a connection whose
handshake takes long: hypercorn does so after 5 s, which 156 segments took on a busy machine."""


@dataclass
class Driver:
    """Runs scripts on connections to one endpoint."""

    endpoint: Endpoint
    profile: EndpointProfile
    timeouts: Timeouts
    barrier: SegmentBarrier

    def expected_handshake(self, script: Script) -> HandshakeExpectation:
        """The expected answer to the script's handshake."""
        return expect_answer(self._request(script), self.endpoint.request(KEY))

    def run(self, script: Script, linger_s: float = 0.0) -> tuple[HandshakeExpectation, Expectation, Transcript]:
        """Run the script; return the expected handshake, the expected outcome and the transcript.

        `linger_s`: seconds to wait after the barrier before closing, for an application that ends the connection late.

        Raises:
            TargetError: nobody listens.
        """
        handshake = self.expected_handshake(script)
        request = self._request(script)
        client = Client(
            self.endpoint,
            deadline_s=self.timeouts.longest_s,
            keep_frames=True,
            request=request,
            max_message_bytes=_LARGEST_BYTES,
        )
        exchange = _Exchange(self, script, handshake, client, linger_s)
        try:
            client.connect()
            exchange.open(request)
            exchange.run_script()
            exchange.drain()
        finally:
            client.abort()
        return handshake, exchange.expected, exchange.transcript

    def _request(self, script: Script) -> Request:
        return script.handshake.apply(self.endpoint.request(KEY))


class _Exchange:
    """One connection that runs a script."""

    def __init__(
        self, driver: Driver, script: Script, handshake: HandshakeExpectation, client: Client, linger_s: float
    ) -> None:
        self.linger_s = linger_s
        self._http_noted = False
        self.driver = driver
        self.script = script
        self.handshake = handshake
        self.client = client
        self.transcript = Transcript()
        self._seen = 0
        self._inflated: InflatedMessage | None = None
        self._expect(None)

    def _expect(self, agreed: DeflateAgreement | None) -> None:
        """Compute the expected outcome, which depends on the compression that the server agreed to."""
        self.expected = expect_frames(self.script, self.driver.profile, agreed)
        self.client.peer.answer_close = not self.expected.sent_close

    # The handshake.

    def open(self, request: Request) -> None:
        """Send the handshake (and, pipelined, all frames behind it) and read the answer."""
        self._note_handshake(request)
        data = request.encode()
        if self.script.pipelined:
            data += b"".join(self.script.streams())
            self.transcript.note(
                "the client sends the frames below right after the handshake, without waiting for the answer"
            )
            self._note_actions()
        self._send(data, self.script.handshake_cuts or (self.script.cuts if self.script.pipelined else ()))
        timeout, begun = self._timeout(AnswerKind.HANDSHAKE, self._handshake_rule()), now_ns()
        self.transcript.response = self.client.wait_response(timeout.seconds)
        if self.transcript.response is None and not self.client.ended:
            self._give_up(timeout, AnswerKind.HANDSHAKE)
        elif self.transcript.response is not None:
            self._note_answer(AnswerKind.HANDSHAKE, begun)
        if self.transcript.response is not None and self.transcript.response.status == 101:
            self.transcript.note_acceptance(self.transcript.response)
        self._note_agreement()
        self.drain()

    def _handshake_rule(self) -> str:
        """The rule that is violated if the server does not answer the handshake."""
        refuse = self.handshake.answer is HandshakeAnswer.REFUSE
        return "refusal-answered" if refuse else self.handshake.rule or self.script.subject

    def _note_agreement(self) -> None:
        agreed, response = self.client.peer.deflate, self.transcript.response
        if agreed is not None and offers_deflate(self.script.handshake.extensions or ()):
            self._inflated = InflatedMessage(agreed)
            self._expect(agreed)
        elif self.expected.declined and response is not None and response.status == 101:
            self.transcript.note("the server declined permessage-deflate, so the client sends nothing")
            self.script = replace(self.script, actions=(), cuts=())

    def _note_handshake(self, request: Request) -> None:
        self.transcript.note_request(request)
        usual = self.driver.endpoint.request(KEY).header_lines()
        odd = {name.lower() for name, value in request.header_lines() if (name, value) not in usual}
        for name, value in request.header_lines():
            if name.lower() in odd:
                self.transcript.note_header(name, value)
        names = {name.lower() for name, _ in request.header_lines()}
        for name, _ in usual:
            if name.lower() not in names:
                self.transcript.note(f"without {name}")

    # The frames.

    def run_script(self) -> None:
        """Run the part of the script that follows a 101."""
        response = self.transcript.response
        if response is None or response.status != 101 or self.handshake.answer is HandshakeAnswer.REFUSE:
            return
        if self.driver.profile.closes_unasked:
            self._wait_close()
            return
        if not self.script.pipelined:
            self._log_in()
            self._send_actions()
        if self.script.ending in (ScriptEnd.RESET, ScriptEnd.HALF_CLOSE):
            self._leave_without_close()
        elif self.expected.in_frame or self.client.ended:
            self.transcript.note("the last frame is not complete" if self.expected.in_frame else "")
            self.client.wait_end(0.0)
        elif self.expected.outcome is ConnectionOutcome.CLOSED:
            self._wait_close()
        elif self.expected.outcome is ConnectionOutcome.OPEN:
            self._wait_barrier()
            if self.transcript.at_barrier and self.linger_s:
                self.client.wait_event(lambda event: self._has_ended(), self.linger_s)
                self.transcript.at_barrier = not self._has_ended()
            if self.transcript.at_barrier:
                self._close()
        else:
            self._wait_failure()

    def _log_in(self) -> None:
        profile = self.driver.profile
        if not profile.has_login:
            return
        done = log_in(self.client, profile, self.driver.timeouts.longest_s)
        self._seen = len(self.client.events)  # The messages of the login may be secret.
        self.transcript.messages.clear()  # The endpoint may have sent a message before the login.
        self.transcript.note("the client logs in" if done else "the server does not answer the login")

    def _send_actions(self) -> None:
        offset = 0
        index = 0
        streams = self.script.streams()
        for number, data in enumerate(streams):
            cuts = [cut - offset for cut in self.script.cuts if 0 < cut - offset < len(data)]
            while index < len(self.script.actions):
                action = self.script.actions[index]
                index += 1
                if isinstance(action, Await):
                    break
                self._note_action(action)
            self._send(data, tuple(cuts))
            offset += len(data)
            if number + 1 < len(streams):
                self._wait_pong()

    def _wait_pong(self) -> None:
        pings = [
            action.frame.payload
            for action in self.script.actions
            if isinstance(action, SendFrame) and action.frame.opcode == Opcode.PING
        ]
        timeout = self._timeout(AnswerKind.PONG, "pong-prompt", "ping-answered")
        pong = self.client.wait_event(
            lambda event: isinstance(event, PongReceived) and event.payload in pings, timeout.seconds
        )
        if pong is None and not self._has_ended():
            self.transcript.in_time = False
            self._give_up(timeout, AnswerKind.PONG)
        self.drain()
        continued = "the client continued after the pong"
        self.transcript.note(continued if pong else f"no pong within {timeout.seconds:g} s")

    def _note_actions(self) -> None:
        for action in self.script.actions:
            self._note_action(action)

    def _note_action(self, action: SendFrame | Raw | Await) -> None:
        if isinstance(action, SendFrame):
            self.transcript.note_sent(action.frame)
            if self._inflated is not None and not action.frame.is_control:
                self.transcript.note_inflated(self._inflated, action.frame)
        elif isinstance(action, Raw):
            self.transcript.note_raw(action.data)

    def _send(self, data: bytes, cuts: tuple[int, ...]) -> None:
        edges = [0, *sorted(cut for cut in set(cuts) if 0 < cut < len(data)), len(data)]
        pieces = [data[start:end] for start, end in pairwise(edges)]
        if len(pieces) > 1:
            sizes = ", ".join(str(len(piece)) for piece in pieces[:12]) + (", ..." if len(pieces) > 12 else "")
            self.transcript.note(f"sent in {len(pieces)} segments of {sizes} bytes")
        begun = now_ns()
        while pieces:
            if not self.client.send_raw(pieces.pop(0)):
                return
            if pieces:
                self.driver.barrier.wait_read(self.client.fileno())
            if len(pieces) > 1 and now_ns() - begun > _SPREAD_NS:
                self.transcript.note(
                    f"the last {len(pieces)} segments were sent as one, so as not to exceed the time limit"
                )
                pieces = [b"".join(pieces)]

    # Endings.

    def _wait_barrier(self) -> None:
        """Send a final ping, and a final message if the endpoint echoes it.

        Their answers prove that the server read everything before them.
        """
        self._send_barrier()
        reply = self._barrier_reply()
        kind = AnswerKind.PONG if reply is None else AnswerKind.MESSAGE
        timeout, begun = self._timeout(kind, self.script.subject), now_ns()
        if reply is not None:
            self.transcript.at_barrier = self._wait(
                lambda event: MessageEvents.message(event) == reply or isinstance(event, MessageDropped), timeout
            )
            if self.transcript.at_barrier:
                self._note_answer(AnswerKind.MESSAGE, begun)
            if self._is_unreadable():
                reply = None  # The pong still shows whether the server answers.
        if reply is None or (self.transcript.at_barrier and not self._has_ended()):
            self._wait_barrier_pong(begun)
        self.transcript.barrier_pong = any(map(Transcript.is_barrier_pong, self.client.events))
        if reply is None:
            self.transcript.at_barrier = self.transcript.barrier_pong
        if not self.transcript.at_barrier and not self.client.ended:
            if self._has_ended():
                self._wait_end(self.script.subject)
            elif self.transcript.waited_s is None:
                self._give_up(timeout, kind)

    def _wait_barrier_pong(self, begun: int) -> None:
        """Wait for the barrier's pong. If none arrives, record a timeout, even if the server answered other frames."""
        timeout = self._timeout(AnswerKind.PONG, "ping-answered", self.script.subject)
        if self._wait(Transcript.is_barrier_pong, timeout):
            self._note_answer(AnswerKind.PONG, begun)
        elif not self._has_ended():
            self._give_up(timeout, AnswerKind.PONG)

    def _is_unreadable(self) -> bool:
        """Whether the server's compressed messages can no longer be inflated."""
        return any(isinstance(event, MessageDropped) for event in self.client.events)

    def _send_barrier(self) -> None:
        frames = [Frame(Opcode.PING, BARRIER.encode(), mask=MASK)]
        message = self.driver.profile.barrier
        if message is not None and self._barrier_reply() is not None:
            frames.append(Frame(message.opcode, message.payload, mask=MASK))
        for frame in frames:
            # Send each frame in a segment of its own. Only the script itself tests several frames in one read.
            self.driver.barrier.wait_read(self.client.fileno())
            self.transcript.note_sent(frame)
            self.client.send_raw(frame.encode())

    def _barrier_reply(self) -> Message | None:
        if self.expected.in_message or self.expected.silent:
            return None
        barrier = self.driver.profile.barrier
        return self.driver.profile.reply_to(barrier) if barrier is not None else None

    def _close(self) -> None:
        frame = Frame(Opcode.CLOSE, b"\x03\xe8", mask=MASK)
        self.transcript.note_sent(frame)
        self.client.peer.send_frame(frame)
        self.client.flush()
        self._wait_close()

    def _wait_close(self) -> None:
        timeouts = self.driver.timeouts
        if self.expected.outcome is ConnectionOutcome.OPEN and timeouts.is_known_silence("close-answered"):
            self._skip("close-answered")
            return
        begun = now_ns()
        self._wait_until(self._has_ended, AnswerKind.CLOSE, "close-answered", self.script.subject)
        if self._has_ended():
            self._note_answer(AnswerKind.CLOSE, begun)
            self._wait_end("close-ends-tcp")

    def _skip(self, rule: str) -> None:
        """Skip a wait for an answer that this server is known not to give."""
        self.transcript.skipped.add(rule)
        self.transcript.note(f"the client did not wait for this answer: see {rule}")

    def _wait_failure(self) -> None:
        """Watch whether the connection ends: it must (FAILED) or may (FREE).

        The barrier's answer proves that it did not.
        """
        if self.client.ended:
            self._wait_end("fail-ends-tcp")
            return
        self._send_barrier()
        reply = self._barrier_reply()

        def answered() -> bool:
            if reply is not None and not self._is_unreadable():
                return any(MessageEvents.message(event) == reply for event in self.client.events)
            return any(Transcript.is_barrier_pong(event) for event in self.client.events)

        def is_over() -> bool:
            return self._has_ended() or answered()

        begun = now_ns()
        rule = self.expected.rule or self.script.subject
        is_bomb = self.expected.rule == "deflate-bomb"
        if is_bomb:
            # Here a reply is the violation, and inflating takes time: always wait the full timeout.
            self.client.wait_event(lambda event: is_over(), self.driver.timeouts.longest_s * _BOMB_WAITS)
        if not is_over():
            self._wait_until(is_over, AnswerKind.FAILURE, rule)
        if self._has_ended():
            self._note_answer(AnswerKind.FAILURE, begun)
        elif answered():
            # A pong may overtake the failure, so wait a moment more if the endpoint has no echo.
            is_final = reply is not None or (self.expected.outcome is ConnectionOutcome.FREE and not is_bomb)
            self._wait_late_failure(is_final=is_final)
        self.transcript.at_barrier = answered() and not self._has_ended()
        if self._has_ended():
            self._wait_end("fail-ends-tcp")

    def _wait_late_failure(self, *, is_final: bool) -> None:
        """Wait briefly for a failure that a pong may have overtaken. `is_final`: no failure is expected any more."""
        rule = self.expected.rule
        timeout = Timeout(_MOMENT_S, is_evidence=True) if is_final else self.driver.timeouts.moment_for(rule)
        begun = now_ns()
        self.client.wait_event(lambda event: self._has_ended(), timeout.seconds)
        if self._has_ended():
            self._note_answer(AnswerKind.FAILURE, begun)
        elif not is_final:
            self.transcript.awaited, self.transcript.gave_up_early = AnswerKind.FAILURE, not timeout.is_evidence

    def _leave_without_close(self) -> None:
        self.drain()
        if self.script.ending is ScriptEnd.RESET:
            self.transcript.note("the client resets TCP")
            self.client.reset()
            return
        self.transcript.note("the client ends its side of TCP (FIN) and keeps reading")
        self.client.half_close()
        self._wait_end("half-close-ends")

    # Waiting.

    def _timeout(self, kind: AnswerKind, *rules: str) -> Timeout:
        return self.driver.timeouts.wait_for(kind, *rules)

    def _note_answer(self, kind: AnswerKind, begun_ns: int) -> None:
        self.driver.timeouts.note_answer(kind, (now_ns() - begun_ns) / 1e9)

    def _give_up(self, timeout: Timeout, kind: AnswerKind) -> None:
        self.transcript.waited_s, self.transcript.awaited = timeout.seconds, kind
        self.transcript.gave_up_early = not timeout.is_evidence
        self.driver.timeouts.note_silence(timeout)

    def _has_ended(self) -> bool:
        return self.client.ended or any(isinstance(event, CloseReceived) for event in self.client.events)

    def _wait(self, fits: Callable[[Event], bool], timeout: Timeout) -> bool:
        """Wait for an event until the timeout or the end of the connection."""
        self.client.wait_event(lambda event: fits(event) or isinstance(event, CloseReceived), timeout.seconds)
        return any(fits(event) for event in self.client.events)

    def _wait_until(self, done: Callable[[], bool], kind: AnswerKind, *rules: str) -> None:
        timeout = self._timeout(kind, *rules)
        self.client.wait_event(lambda event: done(), timeout.seconds)
        if not done():
            self._give_up(timeout, kind)

    def _wait_end(self, rule: str) -> None:
        """Wait for the end of TCP, unless the server is known not to end it."""
        if not self.client.ended and self.driver.timeouts.is_known_silence(rule):
            self._skip(rule)
            return
        timeout, begun = self._timeout(AnswerKind.END, rule), now_ns()
        if self.client.wait_end(timeout.seconds):
            self._note_answer(AnswerKind.END, begun)
        else:
            self._give_up(timeout, AnswerKind.END)

    def drain(self) -> None:
        """Record in the transcript what has arrived since the last call."""
        for event in self.client.events[self._seen :]:
            self.transcript.take(event)
        self._seen = len(self.client.events)
        transcript, client = self.transcript, self.client
        http = client.peer.http_behind
        if http and not self._http_noted and (client.ended or b"\r\n\r\n" in http):
            self._http_noted = True
            transcript.note_http(http)
        if client.ended and not transcript.ended:
            how = "RST" if client.was_reset else "FIN"
            transcript.lines.append(f"<- end of TCP ({how})")
        transcript.ended, transcript.was_reset = client.ended, client.was_reset
        transcript.breaches = list(client.peer.breaches)
        transcript.http = transcript.http or http_line(client)
