"""The probe: a few short connections at the start of a run that determine the endpoint profile."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from wsproof.conformance.endpoint_profile import (
    DROPPED,
    HTTP,
    EndpointProfile,
    Message,
    MessageEvents,
    is_application_code,
)
from wsproof.conformance.exchange.login import log_in
from wsproof.conformance.exchange.transcript import http_line
from wsproof.conformance.oracle.deflate_negotiation import OFFERS
from wsproof.errors import CannotTellError
from wsproof.net.budget import Budget
from wsproof.net.client import Client
from wsproof.net.clock import Deadline
from wsproof.net.endpoint import Endpoint
from wsproof.wire import (
    BinaryMessage,
    CloseReceived,
    Ended,
    Event,
    Frame,
    Opcode,
    PongReceived,
    TextMessage,
)
from wsproof.wire.refusal import advice_on_refusal
from wsproof.workloads import Opening

__all__ = ["probe"]

_WORD = "wsproof-probe"
_LAST_WORD = "last-wsproof-probe"
_BYTES = b"\x00\xffwsproof"
_TIMEOUT_S = 2.0
"""Timeout in seconds for an echo, and for a series of messages."""
_BRIEF_S = 1.0
"""Timeout in seconds for a binary echo, if the endpoint does not echo texts."""
_LINGER_S = 1.0
"""Seconds to wait for a refusal that may arrive after the pong that overtook it."""
_BRIEF_LINGER_S = 0.3
"""The same for later messages, and for messages that the endpoint sends unasked."""
_BANNED_S = 5.0
"""Seconds for which a server may refuse a client that has sent many messages."""
_PAUSE_S = 0.1
"""Seconds between retries of a refused handshake."""
_MANY = 30
"""The number of messages in the longest scripts of the suite."""
_COUNTS = (2, 4, 8, 16)
"""Numbers of messages to try if the endpoint refuses one of many."""
_SIZES = (70_000, 65_537, 65_536, 65_535, 16_384, 4_096, 1_024, 512, 256, 125)
"""Message sizes in bytes to try, the largest first."""
_USUAL_BYTES = 1_024
"""A message size that every endpoint is assumed to accept, even one that echoes nothing."""
_BLANKS = b" " * 200
_SENDS_UNSOLICITED = (
    "This endpoint also sends messages that are no answers, such as a history or messages of others. They cannot be "
    "told from answers, so answers are not checked here. Describe the channel with --channels."
)
_ONLY_SOME = "This endpoint takes only some messages:"
_ONLY_BINARY = "This endpoint takes only binary messages:"
_NOT_CHECKED = "Checks that need a message are not run."
_WHAT_TO_DO = (
    "Give a message that it accepts with --sample (hex:... for a binary one), and a message that must be sent before "
    "it with --login, or describe the channel with --channels."
)


@dataclass(frozen=True, slots=True)
class _Accepted:
    """Number of messages that the endpoint accepted, and its refusal of the next one.

    `how` is empty if it refused none.
    """

    count: int
    how: str = ""
    kind: str = ""


def probe(
    endpoint: Endpoint,
    deadline_s: float,
    sample: Message | None = None,
    budget: Budget | None = None,
    *,
    login: tuple[Message, ...] = (),
    opening: Opening | None = None,
) -> EndpointProfile:
    """Determine an endpoint's profile with a few short connections.

    `sample` is a message that the endpoint is known to accept; the probe then sends no other message. `login` is sent
    first on every connection. `opening` is how a member of the channel at this path begins; it is used if the endpoint
    refuses plain texts.

    If the budget ends during the probe, the profile is not reliable.

    Raises:
        CannotTellError: the endpoint refuses or does not answer a plain, legal handshake or the login, or answers a
            ping with a close frame.
        TargetError: nobody listens.
    """
    prober = _Probe(endpoint, deadline_s, budget if budget is not None else Budget(None))
    prober.check_stays_open()
    if prober.profile.closes_unasked:
        return prober.profile
    prober.find_agreements()
    prober.check_login(login)
    if sample is not None:
        return prober.with_sample(sample)
    return prober.with_own_messages(opening)


class _Probe:
    """The steps of the probe, and the profile so far."""

    def __init__(self, endpoint: Endpoint, deadline_s: float, budget: Budget) -> None:
        self.endpoint = endpoint
        self.profile = EndpointProfile(None, False, False, _USUAL_BYTES)
        self._deadline_s = deadline_s
        self._budget = budget
        self._was_open = False

    def _at_most(self, seconds: float | None = None) -> float:
        return self._budget.at_most(self._deadline_s if seconds is None else min(seconds, self._deadline_s))

    def _open(self) -> Client:
        """Open a connection. If the server accepted one before, retry a refused handshake for up to 5 s."""
        deadline = Deadline.after(self._at_most(_BANNED_S if self._was_open else 0.0))
        while True:
            client = Client(self.endpoint, deadline_s=self._at_most(), keep_frames=True)
            response = client.open()
            if response.status == 101:
                self._was_open = True
                return client
            client.abort()
            if deadline.passed:
                raise CannotTellError(
                    f"expected {self.endpoint.url} to accept a plain WebSocket handshake (101), "
                    f"got {response.describe()}. {advice_on_refusal(response.describe())}"
                )
            time.sleep(min(_PAUSE_S, max(deadline.remaining_s, 0.0)))

    def _logged_in(self) -> Client:
        client = self._open()
        log_in(client, self.profile, self._at_most())
        client.take_events()
        return client

    # Steps without messages.

    def check_stays_open(self) -> None:
        """Check that a connection without messages stays open. No pong is no error here; the properties check that."""
        client = self._open()
        self._note_subprotocol(client)
        try:
            client.send_ping(_WORD.encode())
            event = client.wait_event(lambda event: isinstance(event, PongReceived | CloseReceived), self._at_most())
            closed = isinstance(event, CloseReceived) and is_application_code(event.code)
        finally:
            client.abort()
        if closed:
            self._check_closes_unasked()

    def _check_closes_unasked(self) -> None:
        """Check whether the endpoint also closes by itself when the client sends no ping."""
        client = self._open()
        try:
            event = client.wait_event(lambda event: isinstance(event, CloseReceived), self._at_most())
        finally:
            client.abort()
        if not isinstance(event, CloseReceived):
            raise CannotTellError(
                f"expected {self.endpoint.url} to answer a ping with a pong (RFC 6455 5.5.2), got a close frame. "
                "Try another --path, or give credentials with --header, --token, --origin or --subprotocol."
            )
        close = _describe_close(event)
        remark = (
            f"This endpoint closes each connection by itself before the client sends anything: {close}. So only the "
            "handshake and that close are checked. Try another --path, or give credentials with --header, --token, "
            "--origin or --subprotocol."
        )
        self.profile = replace(self.profile, closes_unasked=close, remark=remark)

    def _note_subprotocol(self, client: Client) -> None:
        response = client.peer.response
        assert response is not None
        selected = response.header("Sec-WebSocket-Protocol")
        self.profile = replace(self.profile, subprotocols=self.endpoint.subprotocols, subprotocol=selected)

    def find_agreements(self) -> None:
        """Record which offers of permessage-deflate the endpoint accepts, with its answers."""
        agreements: list[tuple[str, str]] = []
        for offer in OFFERS:
            request = replace(self.endpoint.request("d3Nwcm9vZi1kZWZsYXRlIQ=="), extensions=(offer,))
            client = Client(self.endpoint, deadline_s=self._at_most(), request=request)
            try:
                response = client.open()
                if client.peer.deflate is not None:
                    agreements.append((offer, ", ".join(response.header_values("Sec-WebSocket-Extensions"))))
            finally:
                client.abort()
        self.profile = replace(self.profile, deflate=bool(agreements), agreements=tuple(agreements))

    def check_login(self, login: tuple[Message, ...], joins: Opening | None = None) -> None:
        """Log in once, and count the messages that answer the login."""
        if not login and joins is None:
            return
        self.profile = replace(self.profile, login=login, joins=joins, login_replies=0)
        client = self._open()
        try:
            done = log_in(client, self.profile, self._at_most())
            ending = _wait_ending(client, self._at_most(_LINGER_S))
            if ending is not None or not done:
                how = ending.how if ending is not None else "no pong after it"
                raise CannotTellError(
                    f"expected {self.endpoint.url} to accept the login, got {how}. Give another --login, or describe "
                    "the channel with --channels."
                )
            replies = sum(MessageEvents.message(event) is not None for event in client.events)
        finally:
            client.abort()
        self.profile = replace(self.profile, login_replies=replies)

    # Messages.

    def with_sample(self, sample: Message, kinds: tuple[str, ...] = ()) -> EndpointProfile:
        """Complete the profile of an endpoint to which only the sample may be sent.

        Replies are not checked: a ping is the barrier.
        """
        accepted = self._count_accepted(sample)
        refuses = "" if accepted.count else accepted.how
        padded = Message(sample.opcode, sample.payload + _BLANKS)
        pads = not refuses and sample.opcode == Opcode.TEXT and not self._ending(padded, 1, _LINGER_S).how
        self.profile = replace(self.profile, sample=sample, refuses=refuses, pads=pads, refusals=kinds)
        self._note_limit(accepted)
        if refuses:
            self._remark(
                f"This endpoint refused the sample: it answered with {refuses}. {_NOT_CHECKED} Give another one with "
                "--sample, or the message that must be sent before it with --login."
            )
        return self.profile

    def _with_opening(self, opening: Opening, refuses: str) -> EndpointProfile:
        """Complete the profile as a member of the channel: its join is the login, its publication is the sample."""
        if opening.has_join:
            self.check_login(self.profile.login, opening)
        if not self.with_sample(Message.of(opening.publication), self.profile.refusals).refuses:
            self._remark(
                f"{_ONLY_SOME} it answered a text with {refuses}. "
                "The checks send what a member of the channel publishes."
            )
        return self.profile

    def with_own_messages(self, opening: Opening | None = None) -> EndpointProfile:
        """Complete the profile with messages of our own. If the endpoint refuses texts, use `opening`."""
        # An endpoint without an echo costs these timeouts once per run.
        prefix = self._prefix(self._at_most(_TIMEOUT_S))
        text = self._count_accepted(Message(Opcode.TEXT, _WORD.encode()), echoes=prefix is not None)
        refuses = "" if text.count else text.how
        brief = self._at_most(_TIMEOUT_S if prefix is not None else _BRIEF_S)
        binary, refused = self._is_echoed(Message(Opcode.BINARY, _BYTES), brief)
        kinds = tuple(dict.fromkeys(accepted.kind for accepted in (text, refused) if accepted.kind))
        if (prefix is not None or binary) and self._sends_unsolicited(prefix):
            prefix, binary = None, False
            self._remark(_SENDS_UNSOLICITED)
        self.profile = replace(self.profile, prefix=prefix, binary=binary, refuses=refuses, refusals=kinds)
        self._note_limit(text)
        if refuses and binary:
            self._remark(f"{_ONLY_BINARY} it answered a text with {refuses}. All messages of the checks are binary.")
        elif refuses and opening is not None:
            return self._with_opening(opening, refuses)
        elif refuses and not refused.how:
            return self._with_binary(refuses, kinds)
        elif refuses:
            self._remark(f"{_ONLY_SOME} it answered a text with {refuses}. {_NOT_CHECKED} {_WHAT_TO_DO}")
        if self.profile.echoes:
            largest = next((size for size in _SIZES if self._accepts_size(size, self._at_most())), _USUAL_BYTES)
            self.profile = replace(self.profile, largest_bytes=largest)
        return self.profile

    def _with_binary(self, refuses: str, kinds: tuple[str, ...]) -> EndpointProfile:
        """Complete the profile of an endpoint that refuses texts: try binary messages, even if it does not echo
        them."""
        sample = Message(Opcode.BINARY, _BYTES)
        if self._count_accepted(sample).how:
            self._remark(f"{_ONLY_SOME} it answered a text with {refuses}. {_NOT_CHECKED} {_WHAT_TO_DO}")
            return self.profile
        self.with_sample(sample, kinds)
        self._remark(
            f"{_ONLY_SOME} it answered a text with {refuses}, and took a binary message. The checks send that one. "
            f"{_WHAT_TO_DO}"
        )
        return self.profile

    def _remark(self, sentences: str) -> None:
        self.profile = replace(self.profile, remark=sentences)

    def _note_limit(self, accepted: _Accepted) -> None:
        """Record how many messages the endpoint accepts on one connection."""
        if not (accepted.how and accepted.count):
            return
        kinds = tuple(dict.fromkeys((*self.profile.refusals, accepted.kind)))
        self.profile = replace(self.profile, most_messages=accepted.count, refusals=kinds)
        messages = "one message" if accepted.count == 1 else f"{accepted.count} messages"
        self._remark(
            f"This endpoint ends a connection after {messages} with {accepted.how}: "
            "the checks send no more on one connection."
        )

    def _count_accepted(self, message: Message, *, echoes: bool = False) -> _Accepted:
        """Count how many messages in a row the endpoint accepts, up to the 30 that the suite needs."""
        if echoes:
            return self._ending(message, _MANY, 0.0, TextMessage)
        # A pong may overtake the application, so the number of pongs does not show how many messages it accepted. Try
        # fixed counts.
        if (first := self._ending(message, 1, _LINGER_S)).how:
            return replace(first, count=0)
        if not self._ending(message, _MANY, _BRIEF_LINGER_S).how:
            return _Accepted(_MANY)
        accepted = 1
        for count in _COUNTS:
            if (ending := self._ending(message, count, _BRIEF_LINGER_S)).how:
                return replace(ending, count=accepted)
            accepted = count
        return replace(self._ending(message, _MANY, _BRIEF_LINGER_S), count=accepted)

    def _ending(self, message: Message, count: int, linger_s: float, answer: type[Event] = PongReceived) -> _Accepted:
        """Send a message `count` times, each after the answer to the one before, and report a refusal."""
        enough = Deadline.after(_TIMEOUT_S)
        client = self._logged_in()
        try:
            for number in range(count):
                client.peer.send_frame(Frame(message.opcode, message.payload))
                if not client.send_ping(b"%d" % number):
                    break
                found = client.wait_event(
                    lambda event: isinstance(event, answer | CloseReceived | Ended), self._at_most()
                )
                if found is None or isinstance(found, CloseReceived | Ended) or enough.passed:
                    break
            answers = sum(isinstance(event, answer) for event in client.events)
            return replace(_wait_ending(client, self._at_most(linger_s)) or _Accepted(0), count=answers)
        finally:
            client.abort()

    def _prefix(self, timeout_s: float) -> str | None:
        """The prefix of echoed texts. None unless two texts get exactly two replies with the same prefix."""
        client = self._logged_in()
        try:
            for word in (_WORD, _LAST_WORD):
                client.peer.send_frame(Frame(Opcode.TEXT, word.encode()))
                client.flush()
                answer = client.wait_event(lambda event: isinstance(event, CloseReceived | TextMessage), timeout_s)
                if not isinstance(answer, TextMessage):
                    return None
            texts = [event.text for event in client.events if isinstance(event, TextMessage)]
            if len(texts) != 2 or not texts[0].endswith(_WORD):
                return None
            prefix = texts[0].removesuffix(_WORD)
            return prefix if texts[1] == prefix + _LAST_WORD else None
        finally:
            client.abort()

    def _sends_unsolicited(self, prefix: str | None) -> bool:
        """Whether a new connection also receives messages that are no answers to its own."""
        own = Message(Opcode.BINARY, _BYTES[::-1]) if prefix is None else Message(Opcode.TEXT, _WORD[::-1].encode())
        answer = Message(own.opcode, (prefix or "").encode() + own.payload)
        client = self._open()
        try:
            log_in(client, self.profile, self._at_most())
            client.peer.send_frame(Frame(own.opcode, own.payload))
            client.flush()
            client.wait_event(lambda event: MessageEvents.message(event) == answer, self._at_most(_TIMEOUT_S))
            client.wait_event(
                lambda event: MessageEvents.message(event) not in (None, answer), self._at_most(_BRIEF_LINGER_S)
            )
            unsolicited = sum(MessageEvents.message(event) not in (None, answer) for event in client.events)
            return unsolicited > self.profile.login_replies
        finally:
            client.abort()

    def _is_echoed(self, message: Message, timeout_s: float) -> tuple[bool, _Accepted]:
        """Whether the endpoint echoes the message unchanged, and how it refused the message if it did."""
        client = self._logged_in()
        try:
            client.peer.send_frame(Frame(message.opcode, message.payload))
            client.flush()
            is_echoed = client.wait_event(lambda event: MessageEvents.message(event) == message, timeout_s) is not None
            return is_echoed, _wait_ending(client, 0.0) or _Accepted(1)
        finally:
            client.abort()

    def _accepts_size(self, size: int, timeout_s: float) -> bool:
        """Whether a message of this size is within the endpoint's limit.

        Any reply, or a close over an error, counts as accepted.
        """
        opcode = Opcode.TEXT if self.profile.prefix is not None else Opcode.BINARY
        client = self._logged_in()
        try:
            client.peer.send_frame(Frame(opcode, b"x" * size))
            client.flush()
            event = client.wait_event(
                lambda event: isinstance(event, CloseReceived | TextMessage | BinaryMessage), timeout_s
            )
            if isinstance(event, CloseReceived):
                return not is_application_code(event.code)
            return event is not None
        finally:
            client.abort()


def _describe_close(event: CloseReceived) -> str:
    reason = f" {event.reason!a}" if event.reason else ""
    code = "without a code" if event.code is None else f"with code {event.code}"
    return f"a close frame {code}{reason}"


def _wait_ending(client: Client, timeout_s: float) -> _Accepted | None:
    """Return how the server ended the connection within the timeout; None if it did not."""
    client.wait_event(lambda event: isinstance(event, CloseReceived | Ended), timeout_s)
    if line := http_line(client):
        return _Accepted(0, f"{line} after the upgrade", HTTP)
    closes = [event for event in client.events if isinstance(event, CloseReceived)]
    if closes:
        return _Accepted(0, _describe_close(closes[0]), str(closes[0].code))
    if not client.ended:
        return None
    return _Accepted(0, "a reset of TCP" if client.was_reset else "the end of TCP without a close frame", DROPPED)
