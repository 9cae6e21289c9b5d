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
"""Seconds to wait for a late failure where none is expected any more."""
_LARGEST_BYTES = BOMB_BYTES + 1024  # The most that may come back, whatever prefix the endpoint adds.
_BOMB_WAITS = 5  # Inflating and answering a bomb takes a server several timeouts.


_SPREAD_NS = 2_000_000_000
"""Longest time in ns over which the segments of one stream are spread. A server may close a connection whose
handshake takes long: hypercorn does so after 5 s, which 156 segments took on a busy machine."""


@dataclass
class Driver:
    """Runs scripts on connections to one endpoint."""

    endpoint: Endpoint
    facts: EndpointProfile
    timeouts: Timeouts
    barrier: SegmentBarrier

    def greeting(self, conversation: Script) -> HandshakeExpectation:
        """The expected answer to the script's handshake."""
        return expect_answer(self._request(conversation), self.endpoint.request(KEY))

    def run(self, conversation: Script, linger_s: float = 0.0) -> tuple[HandshakeExpectation, Expectation, Transcript]:
        """Run the script; return the expected handshake, the expected outcome and the transcript.

        `linger_s`: seconds to wait after the barrier before closing, for an application that ends the connection late.

        Raises:
            TargetError: nobody listens.
        """
        greeting = self.greeting(conversation)
        request = self._request(conversation)
        client = Client(
            self.endpoint,
            deadline_s=self.timeouts.longest_s,
            keep_frames=True,
            request=request,
            max_message_bytes=_LARGEST_BYTES,
        )
        talk = _Exchange(self, conversation, greeting, client, linger_s)
        try:
            client.connect()
            talk.greet(request)
            talk.go_on()
            talk.drain()
        finally:
            client.abort()
        return greeting, talk.expected, talk.transcript

    def _request(self, conversation: Script) -> Request:
        return conversation.handshake.apply(self.endpoint.request(KEY))


class _Exchange:
    """One connection that runs a script."""

    def __init__(
        self, driver: Driver, conversation: Script, greeting: HandshakeExpectation, client: Client, linger_s: float
    ) -> None:
        self.linger_s = linger_s
        self._http_noted = False
        self.driver = driver
        self.conversation = conversation
        self.greeting = greeting
        self.client = client
        self.transcript = Transcript()
        self._seen = 0
        self._reading: InflatedMessage | None = None
        self._expect(None)

    def _expect(self, agreed: DeflateAgreement | None) -> None:
        """Compute the expected outcome, which depends on the compression that the server agreed to."""
        self.expected = expect_frames(self.conversation, self.driver.facts, agreed)
        self.client.peer.answer_close = not self.expected.said_close

    # The handshake.

    def greet(self, request: Request) -> None:
        """Send the handshake (and, pipelined, all frames behind it) and read the answer."""
        self._note_handshake(request)
        data = request.encode()
        if self.conversation.pipelined:
            data += b"".join(self.conversation.streams())
            self.transcript.note("the frames below ride behind the handshake, without waiting for the answer")
            self._note_actions()
        self._send(
            data, self.conversation.handshake_cuts or (self.conversation.cuts if self.conversation.pipelined else ())
        )
        timeout, begun = self._timeout(AnswerKind.HANDSHAKE, self._handshake_rule()), now_ns()
        self.transcript.response = self.client.wait_response(timeout.seconds)
        if self.transcript.response is None and not self.client.ended:
            self._give_up(timeout, AnswerKind.HANDSHAKE)
        elif self.transcript.response is not None:
            self._note_answer(AnswerKind.HANDSHAKE, begun)
        if self.transcript.response is not None and self.transcript.response.status == 101:
            self.transcript.note_acceptance(self.transcript.response)
        self._offer_was_answered()
        self.drain()

    def _handshake_rule(self) -> str:
        """The rule that a missing answer to the handshake violates."""
        refuse = self.greeting.answer is HandshakeAnswer.REFUSE
        return "refusal-answered" if refuse else self.greeting.rule or self.conversation.subject

    def _offer_was_answered(self) -> None:
        agreed, response = self.client.peer.deflate, self.transcript.response
        if agreed is not None and offers_deflate(self.conversation.handshake.extensions or ()):
            self._reading = InflatedMessage(agreed)
            self._expect(agreed)
        elif self.expected.declined and response is not None and response.status == 101:
            self.transcript.note("permessage-deflate was declined: nothing is said")
            self.conversation = replace(self.conversation, actions=(), cuts=())

    def _note_handshake(self, request: Request) -> None:
        self.transcript.note_request(request)
        usual = self.driver.endpoint.request(KEY).header_lines()
        odd = {name.lower() for name, value in request.header_lines() if (name, value) not in usual}
        for name, value in request.header_lines():
            if name.lower() in odd:
                self.transcript.note_header(name, value)
        given = {name.lower() for name, _ in request.header_lines()}
        for name, _ in usual:
            if name.lower() not in given:
                self.transcript.note(f"without {name}")

    # The frames.

    def go_on(self) -> None:
        """Run the part of the script that follows a 101."""
        response = self.transcript.response
        if response is None or response.status != 101 or self.greeting.answer is HandshakeAnswer.REFUSE:
            return
        if self.driver.facts.closes_unasked:
            self._see_close()
            return
        if not self.conversation.pipelined:
            self._log_in()
            self._say()
        if self.conversation.ending in (ScriptEnd.RESET, ScriptEnd.HALF_CLOSE):
            self._leave_rudely()
        elif self.expected.in_frame or self.client.ended:
            self.transcript.note("the last frame is not complete" if self.expected.in_frame else "")
            self.client.wait_end(0.0)
        elif self.expected.fate is ConnectionOutcome.CLOSED:
            self._see_close()
        elif self.expected.fate is ConnectionOutcome.OPEN:
            self._pass_barrier()
            if self.transcript.at_barrier and self.linger_s:
                self.client.wait_event(lambda event: self._has_ended(), self.linger_s)
                self.transcript.at_barrier = not self._has_ended()
            if self.transcript.at_barrier:
                self._close()
        else:
            self._see_failure()

    def _log_in(self) -> None:
        facts = self.driver.facts
        if not facts.has_login:
            return
        done = log_in(self.client, facts, self.driver.timeouts.longest_s)
        self._seen = len(self.client.events)  # The client's and the server's messages during the login may be secret.
        self.transcript.messages.clear()  # The endpoint may have sent a message before the login.
        self.transcript.note("the client logs in" if done else "the login is not answered")

    def _say(self) -> None:
        offset = 0
        index = 0
        streams = self.conversation.streams()
        for number, data in enumerate(streams):
            cuts = [cut - offset for cut in self.conversation.cuts if 0 < cut - offset < len(data)]
            while index < len(self.conversation.actions):
                action = self.conversation.actions[index]
                index += 1
                if isinstance(action, Await):
                    break
                self._note_action(action)
            self._send(data, tuple(cuts))
            offset += len(data)
            if number + 1 < len(streams):
                self._await_pong()

    def _await_pong(self) -> None:
        pings = [
            action.frame.payload
            for action in self.conversation.actions
            if isinstance(action, SendFrame) and action.frame.opcode == Opcode.PING
        ]
        timeout = self._timeout(AnswerKind.PONG, "pong-prompt", "ping-answered")
        found = self.client.wait_event(
            lambda event: isinstance(event, PongReceived) and event.payload in pings, timeout.seconds
        )
        if found is None and not self._has_ended():
            self.transcript.in_time = False
            self._give_up(timeout, AnswerKind.PONG)
        self.drain()
        went_on = "the client went on when the pong was there"
        self.transcript.note(went_on if found else f"no pong within {timeout.seconds:g} s")

    def _note_actions(self) -> None:
        for action in self.conversation.actions:
            self._note_action(action)

    def _note_action(self, action: SendFrame | Raw | Await) -> None:
        if isinstance(action, SendFrame):
            self.transcript.note_sent(action.frame)
            if self._reading is not None and not action.frame.is_control:
                self.transcript.note_inflated(self._reading, action.frame)
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
                self.transcript.note(f"the last {len(pieces)} segments were sent in one, to be in time")
                pieces = [b"".join(pieces)]

    # Endings.

    def _pass_barrier(self) -> None:
        """Send a final ping, and a final message if the endpoint echoes it.

        Their answers prove that the server read everything before them.
        """
        self._send_barrier()
        reply = self._barrier_reply()
        kind = AnswerKind.PONG if reply is None else AnswerKind.MESSAGE
        timeout, begun = self._timeout(kind, self.conversation.subject), now_ns()
        if reply is not None:
            self.transcript.at_barrier = self._wait(
                lambda event: MessageEvents.message(event) == reply or isinstance(event, MessageDropped), timeout
            )
            if self.transcript.at_barrier:
                self._note_answer(AnswerKind.MESSAGE, begun)
            if self._is_unreadable():
                reply = None  # The pong still shows whether the server answers at all.
        if reply is None or (self.transcript.at_barrier and not self._has_ended()):
            self._see_pong(begun)
        self.transcript.barrier_pong = any(map(Transcript.is_barrier_pong, self.client.events))
        if reply is None:
            self.transcript.at_barrier = self.transcript.barrier_pong
        if not self.transcript.at_barrier and not self.client.ended:
            if self._has_ended():
                self._wait_end(self.conversation.subject)
            elif self.transcript.waited_s is None:
                self._give_up(timeout, kind)

    def _see_pong(self, begun: int) -> None:
        """Wait for the barrier's pong. If none comes, record a timeout, whatever else was answered."""
        timeout = self._timeout(AnswerKind.PONG, "ping-answered", self.conversation.subject)
        if self._wait(Transcript.is_barrier_pong, timeout):
            self._note_answer(AnswerKind.PONG, begun)
        elif not self._has_ended():
            self._give_up(timeout, AnswerKind.PONG)

    def _is_unreadable(self) -> bool:
        """Whether the server's compressed messages can no longer be inflated."""
        return any(isinstance(event, MessageDropped) for event in self.client.events)

    def _send_barrier(self) -> None:
        frames = [Frame(Opcode.PING, BARRIER.encode(), mask=MASK)]
        message = self.driver.facts.barrier
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
        barrier = self.driver.facts.barrier
        return self.driver.facts.reply_to(barrier) if barrier is not None else None

    def _close(self) -> None:
        frame = Frame(Opcode.CLOSE, b"\x03\xe8", mask=MASK)
        self.transcript.note_sent(frame)
        self.client.peer.send_frame(frame)
        self.client.flush()
        self._see_close()

    def _see_close(self) -> None:
        timeouts = self.driver.timeouts
        if self.expected.fate is ConnectionOutcome.OPEN and timeouts.is_known_silence("close-answered"):
            self._skip("close-answered")
            return
        begun = now_ns()
        self._wait_until(self._has_ended, AnswerKind.CLOSE, "close-answered", self.conversation.subject)
        if self._has_ended():
            self._note_answer(AnswerKind.CLOSE, begun)
            self._wait_end("close-ends-tcp")

    def _skip(self, rule: str) -> None:
        """Skip a wait for an answer that this server is known not to give."""
        self.transcript.skipped.add(rule)
        self.transcript.note(f"not waited for: see {rule}")

    def _see_failure(self) -> None:
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
        rule = self.expected.rule or self.conversation.subject
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
            surely = reply is not None or (self.expected.fate is ConnectionOutcome.FREE and not is_bomb)
            self._see_late_failure(surely=surely)
        self.transcript.at_barrier = answered() and not self._has_ended()
        if self._has_ended():
            self._wait_end("fail-ends-tcp")

    def _see_late_failure(self, *, surely: bool) -> None:
        """Wait briefly for a failure that a pong may have overtaken. `surely`: no failure can come any more."""
        rule = self.expected.rule
        timeout = Timeout(_MOMENT_S, is_evidence=True) if surely else self.driver.timeouts.moment_for(rule)
        begun = now_ns()
        self.client.wait_event(lambda event: self._has_ended(), timeout.seconds)
        if self._has_ended():
            self._note_answer(AnswerKind.FAILURE, begun)
        elif not surely:
            self.transcript.awaited, self.transcript.hurried = AnswerKind.FAILURE, not timeout.is_evidence

    def _leave_rudely(self) -> None:
        self.drain()
        if self.conversation.ending is ScriptEnd.RESET:
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
        self.transcript.hurried = not timeout.is_evidence
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
