"""The endpoint profile: the behaviour that the probe found, from which the oracle computes expected replies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from wsproof.conformance.frame_json import pack, unpack
from wsproof.conformance.oracle.deflate_negotiation import agreement_of
from wsproof.wire import BinaryMessage, DeflateAgreement, Event, Frame, Opcode, TextMessage
from wsproof.workloads import Opening

__all__ = ["BARRIER", "DROPPED", "HTTP", "EndpointProfile", "Message", "MessageEvents", "is_application_code"]

BARRIER = "wsproof-barrier"
"""Payload of the barrier's message and ping. No strategy generates it."""
DROPPED = "dropped"
"""A kind of refusal: the application ends TCP without a close frame."""
HTTP = "HTTP"
"""A kind of refusal: the application answers a message with an HTTP response."""
_APPLICATION_CODES = frozenset({None, 1000, 1001, 1003, 1008, 1009, 1011, 1012, 1013, 1014})


def is_application_code(code: int | None) -> bool:
    """Whether an application may close with this code because of a message's content (7.4.1).

    Codes for protocol errors are excluded. None is a close frame without a code, which `ws.close()` sends in most
    libraries. Codes from 3000 on do not belong to the protocol. Codes above 4999 must not be sent, which is a
    separate finding (bokeh closes with 10000).
    """
    return code in _APPLICATION_CODES or (code is not None and code >= 3000)


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message: its opcode (TEXT or BINARY) and its bytes."""

    opcode: int
    payload: bytes

    @classmethod
    def of(cls, content: str | bytes) -> Message:
        """Make a TEXT message of a str and a BINARY message of bytes."""
        return cls(Opcode.TEXT, content.encode()) if isinstance(content, str) else cls(Opcode.BINARY, content)

    def describe(self) -> str:
        """One line for people."""
        return Frame(self.opcode, self.payload).describe()

    def to_json(self) -> dict[str, Any]:
        """The message as a recipe holds it."""
        return {"opcode": int(self.opcode), "payload": pack(self.payload)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | str) -> Message:
        """The inverse of `to_json`. Older recipes hold a plain string."""
        return cls.of(data) if isinstance(data, str) else cls(int(data["opcode"]), unpack(data["payload"]))


class MessageEvents:
    """Converts events into messages."""

    @staticmethod
    def message(event: Event) -> Message | None:
        """The message that the event carries, or None."""
        if isinstance(event, TextMessage):
            return Message(Opcode.TEXT, event.text.encode("utf-8", "surrogatepass"))
        return Message(Opcode.BINARY, event.data) if isinstance(event, BinaryMessage) else None


@dataclass(frozen=True, slots=True)
class EndpointProfile:
    """The behaviour of an endpoint, as the probe found it.

    `prefix` stands before every text that the endpoint echoes. None means that it echoes no texts; then a ping is the
    barrier. `binary`: it echoes binary messages unchanged. `deflate`: it accepts an offer of permessage-deflate.
    `largest_bytes` is a message size that is known to pass. `refuses` describes how the application refuses the probe's
    texts or the sample; empty if it accepts them.
    """

    prefix: str | None
    binary: bool
    deflate: bool
    largest_bytes: int
    refuses: str = ""
    sample: Message | None = None
    """A message that the endpoint accepts. If set, the suite sends no other message."""
    pads: bool = False
    """The endpoint also accepts the sample with trailing blanks."""
    agreements: tuple[tuple[str, str], ...] = ()
    """The offers of permessage-deflate that the endpoint accepted, each with its answer."""
    refusals: tuple[str, ...] = ()
    """Ways in which the application ended connections because of a message: close codes, DROPPED, HTTP."""
    most_messages: int | None = None
    """Number of messages that the endpoint accepts on one connection. None: the probe saw no limit."""
    login: tuple[Message, ...] = ()
    """Messages that the client sends first on every connection."""
    joins: Opening | None = None
    """The channel that the client joins on every connection, after `login`."""
    login_replies: int = 0
    """Number of messages that the endpoint sends until the login is done."""
    subprotocols: tuple[str, ...] = ()
    """The subprotocols that the usual handshake offers."""
    subprotocol: str | None = None
    """The subprotocol that the endpoint selects of them."""
    closes_unasked: str = ""
    """The way in which the endpoint closes each connection before the client sends anything; empty if it does not."""
    remark: str = ""
    """A note for the user: which messages the endpoint accepts, how that limits the checks, and what to do."""

    def agreed(self, offer: str) -> DeflateAgreement | None:
        """The agreement that answers this offer of permessage-deflate; None if it was declined or not tried."""
        answer = dict(self.agreements).get(offer)
        return agreement_of(answer) if answer is not None else None

    @property
    def has_login(self) -> bool:
        """Whether the client must do something first on every connection."""
        return bool(self.login) or self.joins is not None

    @property
    def first_messages(self) -> tuple[Message, ...]:
        """The first messages of a well-behaved client: the login, or else the sample if it is accepted.

        A client that joins a channel does so before these messages.
        """
        if self.has_login or self.sample is None or self.refuses:
            return self.login
        return (self.sample,)

    @property
    def is_selective(self) -> bool:
        """Whether the endpoint is known to accept only some messages."""
        return self.sample is not None or bool(self.refuses)

    @property
    def has_lengths(self) -> bool:
        """Whether the endpoint accepts messages of any length up to the largest."""
        return self.sample is None or self.pads

    @property
    def is_binary_only(self) -> bool:
        """Whether the endpoint refuses texts and echoes binary messages."""
        return bool(self.refuses) and self.sample is None and self.binary

    @property
    def has_messages(self) -> bool:
        """Whether the endpoint is known to accept any message."""
        return not self.refuses or self.is_binary_only

    @property
    def echoes(self) -> bool:
        """Whether the endpoint echoes texts, or only binary messages."""
        return self.prefix is not None or self.is_binary_only

    @property
    def barrier(self) -> Message | None:
        """The message whose reply proves that the server read everything before it. None if nothing is echoed."""
        if self.prefix is not None:
            return Message(Opcode.TEXT, BARRIER.encode())
        return Message(Opcode.BINARY, BARRIER.encode()) if self.is_binary_only else None

    def accepts(self, message: Message) -> bool:
        """Whether the application is expected to accept this message."""
        if self.sample is not None:
            sample = self.sample.payload
            padded = sample.ljust(len(message.payload)) if self.pads else sample
            return not self.refuses and message == Message(self.sample.opcode, padded)
        return not self.refuses or (self.is_binary_only and message.opcode == Opcode.BINARY)

    def may_close_with(self, code: int | None) -> bool:
        """Whether the application may close with this code because of a message's content."""
        return is_application_code(code) or str(code) in self.refusals

    def reply_to(self, message: Message) -> Message | None:
        """The expected reply to this message; None if no reply is expected."""
        if message.opcode == Opcode.BINARY:
            return message if self.binary else None
        return None if self.prefix is None else Message(Opcode.TEXT, self.prefix.encode() + message.payload)

    def to_json(self) -> dict[str, Any]:
        """The profile as a recipe holds it. The login may be secret, so only the number of its messages is kept."""
        data = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "joins"}
        sample = self.sample.to_json() if self.sample is not None else None
        return data | {"sample": sample, "login": len(self.login)} | ({"joins": True} if self.joins is not None else {})

    @classmethod
    def from_json(
        cls, data: Mapping[str, Any], login: tuple[Message, ...] = (), opening: Opening | None = None
    ) -> EndpointProfile:
        """The inverse of `to_json`. The caller passes `login` and `opening` again, since recipes do not hold them.

        Raises:
            ValueError: the profile was probed behind a login, and `login` is empty, or `opening` is None.
        """
        if data.get("login") and not login:
            raise ValueError("the probe logged in to this endpoint, and logins are never stored: give --login again")
        if data.get("joins") and opening is None:
            raise ValueError("the probe joined a channel at this endpoint: give the same --channels again")
        sample = data.get("sample")
        return cls(
            **{
                **data,
                "agreements": tuple((offer, answer) for offer, answer in data.get("agreements", ())),
                "refusals": tuple(data.get("refusals", ())),
                "sample": Message.from_json(sample) if sample is not None else None,
                "login": login,
                "joins": opening if data.get("joins") else None,
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
