"""What kind of endpoint this is: found out once per run, so that the oracle knows what a message is owed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from wsproof.conformance.frame_json import pack, unpack
from wsproof.conformance.oracle.deflate_negotiation import agreement_of
from wsproof.wire import BinaryMessage, DeflateAgreement, Event, Frame, Opcode, TextMessage

__all__ = ["BARRIER", "DROPPED", "HTTP", "EndpointProfile", "Message", "MessageEvents", "is_own_reason"]

BARRIER = "wsproof-barrier"
"""What the barrier's message and ping say: nothing that a strategy generates."""
DROPPED = "dropped"
"""A refusal: the application ends TCP without a close frame."""
HTTP = "HTTP"
"""A refusal: the application answers a message with an HTTP response."""
_OWN_REASONS = frozenset({None, 1000, 1001, 1003, 1008, 1009, 1011, 1012, 1013, 1014})


def is_own_reason(code: int | None) -> bool:
    """Whether an application may close with this code because of what a message says (7.4.1), the protocol apart.

    None is a close frame without a code: that is what `ws.close()` sends in most libraries. From 3000 on no code is the
    protocol's; one above 4999 may not be sent, which is a finding of its own (bokeh closes with 10000).
    """
    return code in _OWN_REASONS or (code is not None and code >= 3000)


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message: TEXT or BINARY, and its bytes."""

    opcode: int
    payload: bytes

    @classmethod
    def of(cls, content: str | bytes) -> Message:
        """A text as TEXT, bytes as BINARY."""
        return cls(Opcode.TEXT, content.encode()) if isinstance(content, str) else cls(Opcode.BINARY, content)

    def describe(self) -> str:
        """One line for people."""
        return Frame(self.opcode, self.payload).describe()

    def to_json(self) -> dict[str, Any]:
        """The message, for a recipe."""
        return {"opcode": int(self.opcode), "payload": pack(self.payload)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | str) -> Message:
        """The inverse of `to_json`. Older recipes hold a plain text."""
        return cls.of(data) if isinstance(data, str) else cls(int(data["opcode"]), unpack(data["payload"]))


class MessageEvents:
    """Turns events into messages."""

    @staticmethod
    def message(event: Event) -> Message | None:
        """The message that this event is, or None."""
        if isinstance(event, TextMessage):
            return Message(Opcode.TEXT, event.text.encode("utf-8", "surrogatepass"))
        return Message(Opcode.BINARY, event.data) if isinstance(event, BinaryMessage) else None


@dataclass(frozen=True, slots=True)
class EndpointProfile:
    """The profile of an endpoint: what a probe found out about it.

    `prefix` stands before every text it sends back; None when it sends no text back (then a ping is the barrier).
    `binary`: binary messages come back as they are. `deflate`: it agrees to permessage-deflate when offered.
    `largest_bytes` is a message size that is known to pass. `refuses` says how the application refuses the texts that
    it was sent, or the sample (empty: it does not).
    """

    prefix: str | None
    binary: bool
    deflate: bool
    largest_bytes: int
    refuses: str = ""
    sample: Message | None = None
    """A message that it accepts: no other one is sent."""
    pads: bool = False
    """The sample is accepted with blanks behind it, too."""
    agreements: tuple[tuple[str, str], ...] = ()
    """Offers of permessage-deflate that it accepted, each with its answer."""
    refusals: tuple[str, ...] = ()
    """How its application ended connections because of a message: close codes, DROPPED, HTTP."""
    most_messages: int | None = None
    """How many messages it takes on one connection; None: no limit was seen."""
    login: tuple[Message, ...] = ()
    """What is sent first on every connection."""
    login_replies: int = 0
    """How many messages the endpoint sends until the login is done."""
    subprotocols: tuple[str, ...] = ()
    """What the usual handshake offers."""
    subprotocol: str | None = None
    """What the endpoint selects of them."""
    closes_unasked: str = ""
    """How it closes each connection by itself, before the client says anything; empty where it does not."""
    names_faults: bool = False
    """It fails a connection with a close frame that has a code. Then an answer without one means a clean close."""
    remark: str = ""
    """What its user should know: which messages it takes, what that means for the checks, and what to do."""

    def agreed(self, offer: str) -> DeflateAgreement | None:
        """What comes of this offer of permessage-deflate; None when it is declined, or was not tried."""
        answer = dict(self.agreements).get(offer)
        return agreement_of(answer) if answer is not None else None

    @property
    def first_messages(self) -> tuple[Message, ...]:
        """What a well-behaved client sends first: the login, or else the sample, where it is accepted."""
        if self.login or self.sample is None or self.refuses:
            return self.login
        return (self.sample,)

    @property
    def is_selective(self) -> bool:
        """Whether it takes only some messages, as far as is known."""
        return self.sample is not None or bool(self.refuses)

    @property
    def has_lengths(self) -> bool:
        """Whether its messages may be of any length, up to the largest."""
        return self.sample is None or self.pads

    @property
    def is_binary_only(self) -> bool:
        """Whether it refuses texts and sends binary messages back."""
        return bool(self.refuses) and self.sample is None and self.binary

    @property
    def has_messages(self) -> bool:
        """Whether there is any message that it is known to take."""
        return not self.refuses or self.is_binary_only

    @property
    def echoes(self) -> bool:
        """Whether what it is sent comes back."""
        return self.prefix is not None or self.is_binary_only

    @property
    def barrier(self) -> Message | None:
        """The message whose answer proves that all before it was read; None where nothing comes back."""
        if self.prefix is not None:
            return Message(Opcode.TEXT, BARRIER.encode())
        return Message(Opcode.BINARY, BARRIER.encode()) if self.is_binary_only else None

    def accepts(self, message: Message) -> bool:
        """Whether the application is expected to take this message."""
        if self.sample is not None:
            wanted = self.sample.payload
            padded = wanted.ljust(len(message.payload)) if self.pads else wanted
            return not self.refuses and message == Message(self.sample.opcode, padded)
        return not self.refuses or (self.is_binary_only and message.opcode == Opcode.BINARY)

    def may_close_with(self, code: int | None) -> bool:
        """Whether its application may close with this code because of what a message says."""
        return is_own_reason(code) or str(code) in self.refusals

    def reply_to(self, message: Message) -> Message | None:
        """What this message is owed, or None where the endpoint owes nothing."""
        if message.opcode == Opcode.BINARY:
            return message if self.binary else None
        return None if self.prefix is None else Message(Opcode.TEXT, self.prefix.encode() + message.payload)

    def to_json(self) -> dict[str, Any]:
        """The facts, for a recipe. Of a login only the number of messages: it may be a secret."""
        data = {field.name: getattr(self, field.name) for field in fields(self)}
        sample = self.sample.to_json() if self.sample is not None else None
        return data | {"sample": sample, "login": len(self.login)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], login: tuple[Message, ...] = ()) -> EndpointProfile:
        """The inverse of `to_json`; `login` is given again.

        Raises:
            ValueError: the facts were found behind a login, and it is not given.
        """
        if data.get("login") and not login:
            raise ValueError("the endpoint was logged in to, and logins are not kept: give it again with --login")
        sample = data.get("sample")
        return cls(
            **{
                **data,
                "agreements": tuple((offer, answer) for offer, answer in data.get("agreements", ())),
                "refusals": tuple(data.get("refusals", ())),
                "sample": Message.from_json(sample) if sample is not None else None,
                "login": login,
            }
        )

    def describe(self) -> str:
        """One sentence for people."""
        echo = "no echo: a ping is the barrier" if self.prefix is None else f"echoes text behind {self.prefix!r}"
        if self.refuses:
            echo = f"refuses the texts that are sent ({self.refuses})"
        binary = "echoes binary" if self.binary else "does not echo binary"
        return (
            f"{echo}; {binary}; messages of {self.largest_bytes} bytes pass; deflate {'yes' if self.deflate else 'no'}"
        )
