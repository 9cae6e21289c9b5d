"""Performing a conversation: the only file of the suite that waits.

It never sleeps. What ends a wait is the pong to a final ping, the echo of a final text, or the end of TCP; a deadline
bounds it when a server owes one of these and does not give it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from wsproof.errors import TargetError
from wsproof.net.client import Client
from wsproof.net.clock import now_ns
from wsproof.net.endpoint import Endpoint
from wsproof.rfc6455.agreements import offers_deflate
from wsproof.rfc6455.conversation import Await, Conversation, Ending, Raw, Send
from wsproof.rfc6455.facts import BARRIER, Facts, Heard, Message
from wsproof.rfc6455.greeting import Answer, Greeting, expect_answer
from wsproof.rfc6455.http_behind import http_line
from wsproof.rfc6455.inflating import BOMB_BYTES, Reading
from wsproof.rfc6455.login import log_in
from wsproof.rfc6455.oracle import Expectation, Fate, expect_frames
from wsproof.rfc6455.patience import Patience
from wsproof.rfc6455.segments import SegmentBarrier
from wsproof.rfc6455.transcript import Transcript
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

__all__ = ["Conduct"]

KEY = "d3Nwcm9vZi1yZmM2NDU1IQ=="
_MOMENT_S = 0.05
_LARGEST_BYTES = BOMB_BYTES + 1024  # all that we may be sent back, whatever stands before it
_BOMB_WAITS = 5  # to inflate a bomb, and to answer it, takes a server its time


_SPREAD_NS = 2_000_000_000
"""How long segments are spread at most, in ns. A server may end a connection whose handshake takes long: hypercorn does
after 5 s, which 156 segments took on a busy machine."""


@dataclass
class Conduct:
    """Performs conversations with one endpoint."""

    endpoint: Endpoint
    facts: Facts
    patience: Patience
    barrier: SegmentBarrier

    def greeting(self, conversation: Conversation) -> Greeting:
        """What the conversation's handshake deserves."""
        return expect_answer(self._request(conversation), self.endpoint.request(KEY))

    def perform(self, conversation: Conversation, linger_s: float = 0.0) -> tuple[Greeting, Expectation, Transcript]:
        """Have the conversation, and return what was owed and what happened.

        `linger_s`: wait so long after the barrier before closing, for an application that ends the connection later.

        Raises:
            TargetError: nobody listens.
        """
        greeting = self.greeting(conversation)
        request = self._request(conversation)
        client = Client(
            self.endpoint,
            deadline_s=self.patience.longest_s,
            keep_frames=True,
            request=request,
            max_message_bytes=_LARGEST_BYTES,
        )
        talk = _Talk(self, conversation, greeting, client, linger_s)
        try:
            client.connect()
            talk.greet(request)
            talk.go_on()
            talk.drain()
        finally:
            client.abort()
        return greeting, talk.expected, talk.transcript

    def _request(self, conversation: Conversation) -> Request:
        return conversation.handshake.apply(self.endpoint.request(KEY))


class _Talk:
    """One connection on its way."""

    def __init__(
        self, conduct: Conduct, conversation: Conversation, greeting: Greeting, client: Client, linger_s: float
    ) -> None:
        self.linger_s = linger_s
        self._http_noted = False
        self.conduct = conduct
        self.conversation = conversation
        self.greeting = greeting
        self.client = client
        self.transcript = Transcript()
        self._seen = 0
        self._reading: Reading | None = None
        self._expect(None)

    def _expect(self, agreed: DeflateAgreement | None) -> None:
        """What is owed: with compression it depends on what the server agreed to."""
        self.expected = expect_frames(self.conversation, self.conduct.facts, agreed)
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
        waited = self.conduct.patience.wait_for(self.greeting.rule or self.conversation.subject)
        self.transcript.response = self.client.wait_response(waited)
        if self.transcript.response is None and not self.client.ended:
            self._give_up(waited)
        elif self.transcript.response is not None and self.transcript.response.status == 101:
            self.transcript.note_acceptance(self.transcript.response)
        self._offer_was_answered()
        self.drain()

    def _offer_was_answered(self) -> None:
        agreed, response = self.client.peer.deflate, self.transcript.response
        if agreed is not None and offers_deflate(self.conversation.handshake.extensions or ()):
            self._reading = Reading(agreed)
            self._expect(agreed)
        elif self.expected.declined and response is not None and response.status == 101:
            self.transcript.note("permessage-deflate was declined: nothing is said")
            self.conversation = replace(self.conversation, actions=(), cuts=())

    def _note_handshake(self, request: Request) -> None:
        self.transcript.note_request(request)
        usual = self.conduct.endpoint.request(KEY).header_lines()
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
        """All that follows a 101."""
        response = self.transcript.response
        if response is None or response.status != 101 or self.greeting.answer is Answer.REFUSE:
            return
        if not self.conversation.pipelined:
            self._log_in()
            self._say()
        if self.conversation.ending in (Ending.RESET, Ending.HALF_CLOSE):
            self._leave_rudely()
        elif self.expected.in_frame or self.client.ended:
            self.transcript.note("the last frame is not complete" if self.expected.in_frame else "")
            self._wait_end("fail-ends-tcp" if self.expected.fate is Fate.FAILED else "", 0.0)
        elif self.expected.fate is Fate.CLOSED:
            self._see_close()
        elif self.expected.fate is Fate.OPEN:
            self._pass_barrier()
            if self.transcript.at_barrier and self.linger_s:
                self.client.wait_event(lambda event: self._has_ended(), self.linger_s)
                self.transcript.at_barrier = not self._has_ended()
            if self.transcript.at_barrier:
                self._close()
        else:
            self._see_failure()

    def _log_in(self) -> None:
        facts = self.conduct.facts
        if not facts.login:
            return
        done = log_in(self.client, facts, self.conduct.patience.longest_s)
        self._seen = len(self.client.events)  # what is said on the way, ours and the server's, may be secret
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
                self._await_pong(offset)

    def _await_pong(self, offset: int) -> None:
        del offset
        pings = [
            action.frame.payload
            for action in self.conversation.actions
            if isinstance(action, Send) and action.frame.opcode == Opcode.PING
        ]
        patience = self.conduct.patience
        waited = min(patience.wait_for("pong-prompt"), patience.wait_for("ping-answered"))
        found = self.client.wait_event(lambda event: isinstance(event, PongReceived) and event.payload in pings, waited)
        if found is None and not self._has_ended():
            self.transcript.in_time = False
            self._give_up(waited)
        self.drain()
        self.transcript.note("the client went on when the pong was there" if found else f"no pong within {waited:g} s")

    def _note_actions(self) -> None:
        for action in self.conversation.actions:
            self._note_action(action)

    def _note_action(self, action: Send | Raw | Await) -> None:
        if isinstance(action, Send):
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
                self.conduct.barrier.wait_read(self.client.fileno())
            if len(pieces) > 1 and now_ns() - begun > _SPREAD_NS:
                self.transcript.note(f"the last {len(pieces)} segments were sent in one, to be in time")
                pieces = [b"".join(pieces)]

    # Endings.

    def _pass_barrier(self) -> None:
        """A final ping, and a final text where there is an echo: their answers prove that all before was read."""
        self._send_barrier()
        reply = self._barrier_reply()
        waited, begun = self.conduct.patience.wait_for(self.conversation.subject), now_ns()
        if reply is not None:
            self.transcript.at_barrier = self._wait(
                lambda event: Heard.message(event) == reply or isinstance(event, MessageDropped), waited
            )
            if self._is_unreadable():
                reply = None  # that it answers at all is told by the pong
        if reply is None or (self.transcript.at_barrier and not self._has_ended()):
            self._wait(Transcript.is_barrier_pong, self.conduct.patience.wait_for("ping-answered"))
        self.transcript.barrier_pong = any(map(Transcript.is_barrier_pong, self.client.events))
        if reply is None:
            self.transcript.at_barrier = self.transcript.barrier_pong
        if self.transcript.at_barrier and self.transcript.barrier_pong:
            self.conduct.patience.note_answer((now_ns() - begun) / 1e9)
        if not self.transcript.at_barrier and not self.client.ended:
            if self._has_ended():
                self._wait_end(self.conversation.subject)
            else:
                self._give_up(waited)

    def _is_unreadable(self) -> bool:
        """Whether the server's compressed messages can no longer be read."""
        return any(isinstance(event, MessageDropped) for event in self.client.events)

    def _send_barrier(self) -> None:
        frames = [Frame(Opcode.PING, BARRIER.encode(), mask=MASK)]
        message = self.conduct.facts.barrier
        if message is not None and self._barrier_reply() is not None:
            frames.append(Frame(message.opcode, message.payload, mask=MASK))
        for frame in frames:
            # In segments of their own: that several frames come in one read is for the conversation to try.
            self.conduct.barrier.wait_read(self.client.fileno())
            self.transcript.note_sent(frame)
            self.client.send_raw(frame.encode())

    def _barrier_reply(self) -> Message | None:
        if self.expected.in_message or self.expected.silent:
            return None
        barrier = self.conduct.facts.barrier
        return self.conduct.facts.reply_to(barrier) if barrier is not None else None

    def _close(self) -> None:
        frame = Frame(Opcode.CLOSE, b"\x03\xe8", mask=MASK)
        self.transcript.note_sent(frame)
        self.client.peer.send_frame(frame)
        self.client.flush()
        self._see_close()

    def _see_close(self) -> None:
        self._wait_until(self._has_ended, "close-answered")
        if self._has_ended():
            self._wait_end("close-ends-tcp")

    def _see_failure(self) -> None:
        """The connection must (FAILED) or may (FREE) end; the barrier's answer proves that it did not."""
        if self.client.ended:
            self._wait_end("fail-ends-tcp")
            return
        self._send_barrier()
        reply = self._barrier_reply()

        def answered() -> bool:
            if reply is not None and not self._is_unreadable():
                return any(Heard.message(event) == reply for event in self.client.events)
            return any(Transcript.is_barrier_pong(event) for event in self.client.events)

        is_bomb = self.expected.rule == "deflate-bomb"
        # It is an answer that convicts here, and it comes late: no wait for it is ever cut short.
        limit = "" if is_bomb else self.expected.rule or self.conversation.subject
        for _ in range(_BOMB_WAITS if is_bomb else 0):
            if self._has_ended() or answered():
                break
            self._wait_until(lambda: self._has_ended() or answered(), limit, self.conduct.patience.wait_for(limit))
        self._wait_until(lambda: self._has_ended() or answered(), limit)
        if answered() and not self._has_ended():
            # A pong may overtake the failure, so an endpoint without an echo is given a moment more.
            surely = reply is not None or (self.expected.fate is Fate.FREE and not is_bomb)
            moment = _MOMENT_S if surely else self.conduct.patience.moment_for(self.expected.rule)
            self._wait_until(self._has_ended, limit, moment)
        self.transcript.at_barrier = answered() and not self._has_ended()
        if self._has_ended():
            self._wait_end("fail-ends-tcp")

    def _leave_rudely(self) -> None:
        self.drain()
        if self.conversation.ending is Ending.RESET:
            self.transcript.note("the client resets TCP")
            self.client.reset()
            return
        self.transcript.note("the client ends its side of TCP (FIN) and keeps reading")
        self.client.half_close()
        self._wait_end("half-close-ends")

    # Waiting.

    def _give_up(self, waited: float) -> None:
        patience = self.conduct.patience
        self.transcript.waited_s, self.transcript.hurried = waited, waited < patience.full_s
        patience.note_silence(waited)

    def _has_ended(self) -> bool:
        return self.client.ended or any(isinstance(event, CloseReceived) for event in self.client.events)

    def _wait(self, fits: Callable[[Event], bool], waited: float) -> bool:
        """Wait for an event, no longer than the connection lives."""
        self.client.wait_event(lambda event: fits(event) or isinstance(event, CloseReceived), waited)
        return any(fits(event) for event in self.client.events)

    def _wait_until(self, done: Callable[[], bool], name: str, at_most: float | None = None) -> None:
        waited = self.conduct.patience.wait_for(name)
        waited = waited if at_most is None else at_most
        self.client.wait_event(lambda event: done(), waited)
        if not done() and at_most is None:
            self._give_up(waited)

    def _wait_end(self, name: str, at_most: float | None = None) -> None:
        waited = self.conduct.patience.wait_for(name) if at_most is None else at_most
        if not self.client.wait_end(waited) and at_most is None:
            self._give_up(waited)

    def drain(self) -> None:
        """Write down what came since the last time."""
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


def listening(endpoint: Endpoint, deadline_s: float) -> bool:
    """Whether a plain handshake still succeeds."""
    client = Client(endpoint, deadline_s=deadline_s)
    try:
        return client.open().status == 101
    except TargetError:
        return False
    finally:
        client.abort()
