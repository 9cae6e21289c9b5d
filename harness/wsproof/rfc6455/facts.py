"""What kind of endpoint this is: asked once per run, so that the oracle knows what a message is owed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from wsproof.errors import CannotTellError
from wsproof.net.budget import Budget
from wsproof.net.client import Client
from wsproof.net.endpoint import Endpoint
from wsproof.rfc6455.agreements import OFFERS, agreement_of
from wsproof.wire import (
    BinaryMessage,
    CloseReceived,
    DeflateAgreement,
    Event,
    Frame,
    Opcode,
    PongReceived,
    TextMessage,
)

__all__ = ["Facts", "Heard", "Message", "is_own_reason", "probe"]

_WORD = "wsproof-probe"
_LAST_WORD = "last-wsproof-probe"
_OWN_REASONS = frozenset({1000, 1001, 1003, 1008, 1009, 1011, 1012, 1013, 1014})
_PATIENCE_S = 2.0
_BRIEF_S = 1.0
_MOMENT_S = 0.3
_SIZES = (70_000, 65_537, 65_536, 65_535, 16_384, 4_096, 1_024)


def is_own_reason(code: int | None) -> bool:
    """Whether an application may close with this code because of what a message says (7.4.1), the protocol apart."""
    return code in _OWN_REASONS or (code is not None and 3000 <= code <= 4999)


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message: TEXT or BINARY, and its bytes."""

    opcode: int
    payload: bytes

    def describe(self) -> str:
        """One line for people."""
        return Frame(self.opcode, self.payload).describe()


class Heard:
    """Turns events into messages."""

    @staticmethod
    def message(event: Event) -> Message | None:
        """The message that this event is, or None."""
        if isinstance(event, TextMessage):
            return Message(Opcode.TEXT, event.text.encode("utf-8", "surrogatepass"))
        return Message(Opcode.BINARY, event.data) if isinstance(event, BinaryMessage) else None


@dataclass(frozen=True, slots=True)
class Facts:
    """An endpoint's habits.

    `prefix` stands before every text it sends back; None when it sends no text back (then a ping is the barrier).
    `binary` says that binary messages come back as they are. `deflate`: it agrees to permessage-deflate when offered.
    `largest_bytes` is a message size that is known to pass. `refuses` says how it refuses the texts that it is
    sent (empty: it does not). `sample` is a text that it accepts, to be said instead of any other; `pads`: with blanks
    behind it too.
    """

    prefix: str | None
    binary: bool
    deflate: bool
    largest_bytes: int
    refuses: str = ""
    sample: str | None = None
    pads: bool = False
    agreements: tuple[tuple[str, str], ...] = ()
    """Offers of permessage-deflate that it accepted, each with its answer."""

    def agreed(self, offer: str) -> DeflateAgreement | None:
        """What comes of this offer of permessage-deflate; None when it is declined, or was not tried."""
        answer = dict(self.agreements).get(offer)
        return agreement_of(answer) if answer is not None else None

    @property
    def accepted_sample(self) -> str | None:
        """The sample, where the endpoint is known to accept it."""
        return None if self.refuses else self.sample

    @property
    def echoes(self) -> bool:
        """Whether a text comes back."""
        return self.prefix is not None

    def reply_to(self, message: Message) -> Message | None:
        """What this message is owed, or None where the endpoint owes nothing."""
        if message.opcode == Opcode.BINARY:
            return message if self.binary else None
        return None if self.prefix is None else Message(Opcode.TEXT, self.prefix.encode() + message.payload)

    def to_json(self) -> dict[str, Any]:
        """The facts, for a recipe."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Facts:
        """The inverse of `to_json`."""
        agreements = tuple((offer, answer) for offer, answer in data.get("agreements", ()))
        return cls(**{**data, "agreements": agreements})

    def describe(self) -> str:
        """One sentence for people."""
        echo = "no echo: a ping is the barrier" if self.prefix is None else f"echoes text behind {self.prefix!r}"
        if self.refuses:
            echo = f"refuses the texts that are sent ({self.refuses})"
        binary = "echoes binary" if self.binary else "does not echo binary"
        return (
            f"{echo}; {binary}; messages of {self.largest_bytes} bytes pass; deflate {'yes' if self.deflate else 'no'}"
        )


def probe(endpoint: Endpoint, deadline_s: float, sample: str | None = None, budget: Budget | None = None) -> Facts:
    """Ask an endpoint what it is, in a few short connections. `sample` is a text that it is known to accept.

    Where the budget ends meanwhile, the facts are not to be trusted: nothing may be concluded from them.

    Raises:
        CannotTellError: a plain, legal handshake is refused or not answered, or the connection is closed at once
            (wrong path, authentication).
        TargetError: nobody listens.
    """
    time = budget if budget is not None else Budget(None)

    def at_most(seconds: float = deadline_s) -> float:
        return time.at_most(min(seconds, deadline_s))

    _see_it_stay(endpoint, at_most())
    agreements = _agreements(endpoint, at_most())
    deflate = bool(agreements)
    if sample is not None:
        # Who accepts a sample only is seldom an echo of it: its texts are not judged, a ping is the barrier.
        refuses = _refusal(endpoint, sample, at_most())
        pads = not refuses and not _refusal(endpoint, sample + " " * 200, at_most())
        return Facts(None, False, deflate, _SIZES[-1], refuses, sample, pads, agreements)
    # An endpoint without an echo costs these waits once per run; nothing else in the suite waits for an absence.
    prefix = _prefix(endpoint, at_most(_PATIENCE_S))
    refuses = _refusal(endpoint, _WORD, at_most()) if prefix is None else ""
    brief = at_most(_PATIENCE_S if prefix is not None else _BRIEF_S)
    binary = _comes_back(endpoint, Message(Opcode.BINARY, b"\x00\xffwsproof"), brief)
    largest = _SIZES[-1]
    for size in _SIZES if prefix is not None else ():
        if _takes(endpoint, size, at_most()):
            largest = size
            break
    return Facts(prefix, binary, deflate, largest, refuses, agreements=agreements)


def _open(endpoint: Endpoint, deadline_s: float) -> Client:
    client = Client(endpoint, deadline_s=deadline_s)
    response = client.open()
    if response.status != 101:
        client.abort()
        raise CannotTellError(
            f"expected {endpoint.url} to accept a plain WebSocket handshake (101), got {response.describe()}. "
            "Try another --path, or give what it asks for with --header, --token, --origin or --subprotocol."
        )
    return client


def _see_it_stay(endpoint: Endpoint, deadline_s: float) -> None:
    """That a connection on which nothing is said stays open; silence and faults are for the properties to see."""
    client = _open(endpoint, deadline_s)
    try:
        client.send_ping(_WORD.encode())
        event = client.wait_event(lambda event: isinstance(event, PongReceived | CloseReceived), deadline_s)
        if isinstance(event, CloseReceived) and is_own_reason(event.code):
            raise CannotTellError(
                f"expected {endpoint.url} to keep a connection open, got {_close_said(event)} before anyone spoke. "
                "Try another --path, or give what it asks for with --header, --token, --origin or --subprotocol."
            )
    finally:
        client.abort()


def _close_said(event: CloseReceived) -> str:
    reason = f" {event.reason!a}" if event.reason else ""
    return f"a close frame with code {event.code}{reason}"


def _refusal(endpoint: Endpoint, text: str, deadline_s: float) -> str:
    """How a text is refused: the close frame in words; empty when a ping behind the text is answered first."""
    client = _open(endpoint, deadline_s)
    try:
        client.send_text(text)
        client.send_ping(_WORD.encode())
        client.wait_event(lambda event: isinstance(event, PongReceived | CloseReceived), deadline_s)
        # The pong may overtake the application, which closes a moment later.
        client.wait_event(lambda event: isinstance(event, CloseReceived), min(_MOMENT_S, deadline_s))
        closes = [event for event in client.events if isinstance(event, CloseReceived)]
        return _close_said(closes[0]) if closes and is_own_reason(closes[0].code) else ""
    finally:
        client.abort()


def _prefix(endpoint: Endpoint, patience: float) -> str | None:
    """What stands before a text that comes back; None unless two texts bring exactly two answers, alike."""
    client = _open(endpoint, patience)
    try:
        for word in (_WORD, _LAST_WORD):
            client.send_text(word)
            answer = client.wait_event(lambda event: isinstance(event, CloseReceived | TextMessage), patience)
            if not isinstance(answer, TextMessage):
                return None
        texts = [event.text for event in client.events if isinstance(event, TextMessage)]
        if len(texts) != 2 or not texts[0].endswith(_WORD):
            return None
        prefix = texts[0].removesuffix(_WORD)
        return prefix if texts[1] == prefix + _LAST_WORD else None
    finally:
        client.abort()


def _comes_back(endpoint: Endpoint, message: Message, patience: float) -> bool:
    client = _open(endpoint, patience)
    try:
        client.peer.send_frame(Frame(message.opcode, message.payload))
        client.flush()
        return client.wait_event(lambda event: Heard.message(event) == message, patience) is not None
    finally:
        client.abort()


def _takes(endpoint: Endpoint, size: int, patience: float) -> bool:
    """Whether a text of this size is within the endpoint's limit: it is answered, be it wrongly, or called an error."""
    client = _open(endpoint, patience)
    try:
        client.send_text("x" * size)
        event = client.wait_event(lambda event: isinstance(event, CloseReceived | TextMessage), patience)
        if isinstance(event, CloseReceived):
            return event.code is not None and not is_own_reason(event.code)
        return event is not None
    finally:
        client.abort()


def _agreements(endpoint: Endpoint, deadline_s: float) -> tuple[tuple[str, str], ...]:
    """Which of our offers of permessage-deflate are accepted, and how they are answered."""
    found: list[tuple[str, str]] = []
    for offer in OFFERS:
        request = replace(endpoint.request("d3Nwcm9vZi1kZWZsYXRlIQ=="), extensions=(offer,))
        client = Client(endpoint, deadline_s=deadline_s, request=request)
        try:
            response = client.open()
            if client.peer.deflate is not None:
                found.append((offer, ", ".join(response.header_values("Sec-WebSocket-Extensions"))))
        finally:
            client.abort()
    return tuple(found)
