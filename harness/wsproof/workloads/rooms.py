"""The rooms of the reference server: `/rooms/{name}`, typed JSON, one message order for all, one user per member.

Members sign in with tokens that this workload signs with the server's secret. The secret is read from the environment
variable `SECRET`, which the server reads as well. A server that wsproof starts gets a random one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from wsproof.errors import UsageError
from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import Envelope, open_envelope
from wsproof.model.reference_server import PACKAGE, SECRET, UNLIMITED_RATES
from wsproof.workloads.base import MessageKind, Parsed, Workload

TOKEN_LASTS_S = 24 * 3600
"""Lifetime of a token in seconds: one day, longer than any run."""
KNOWN = frozenset({"welcome", "joined", "members", "ack", "ping", "passed"})
"""Message types that no promise of this channel covers."""


class Rooms(Workload):
    """All members of a room receive its messages in the same order. The server tells them who joins and leaves."""

    name = "rooms"
    title = "Rooms: signed in, typed JSON; what one says, all in its room get, in one order"
    longest_bytes = 3_900
    parameters: ClassVar[Mapping[str, str]] = {
        "rooms": "how many rooms the members are dealt out to (default 1)",
        "name": "what the rooms' names begin with; one that was used before has a history (default wsproof)",
    }

    def __init__(self, settings: Mapping[str, str] | None = None, *, base: int = 1) -> None:
        super().__init__(settings, base=base)
        self.rooms = _count(self.settings.get("rooms", "1"))

    @property
    def contract(self) -> Contract:
        return Contract(channel=self.name, audience=Audience.EVERYONE, order=Order.TOTAL, leaves=True)

    def name_of(self, member: int) -> str:
        return f"member-{self.base + member}"

    def room_of(self, member: int) -> int:
        return member % self.rooms

    def path(self, member: int) -> str:
        room = f"{self.settings.get('name', 'wsproof')}-{self.base}-{self.room_of(member)}"
        secret = os.environ.get(SECRET)
        return f"/rooms/{room}" + (f"?token={_token(self.name_of(member), secret)}" if secret else "")

    def greeting(self, member: int) -> str:
        return json.dumps({"type": "join"})

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        # The server does not store a message with a known id again, so ids must differ between runs.
        name = f"{envelope.publisher}-{envelope.sequence}-{envelope.intended_ns}"
        return json.dumps({"type": "say", "id": name, "text": envelope.seal(body)})

    def read(self, member: int, message: str | bytes) -> Parsed:
        match _loaded(message):
            case {"type": "said", "user": str(user), "text": str(text)}:
                return Parsed(MessageKind.DELIVERY, open_envelope(text), speaker=user, text=text)
            case {"type": "presence", "event": "join", "user": str(user)}:
                return Parsed(MessageKind.JOIN, about=user)
            case {"type": "presence", "event": "leave", "user": str(user)}:
                return Parsed(MessageKind.LEAVE, about=user)
            case {"type": kind} if kind in KNOWN:
                return Parsed(MessageKind.IGNORED)
        return Parsed(MessageKind.UNEXPECTED, text=str(message))

    def server_environment(self) -> Mapping[str, str]:
        # Also set in this process, so that load workers inherit it. The secret appears in no setting and no record.
        return {SECRET: os.environ.setdefault(SECRET, secrets.token_urlsafe(32)), **UNLIMITED_RATES}


def _count(text: str) -> int:
    """The setting `rooms.rooms` as a number. Raises UsageError if it is not a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"rooms.rooms must be a whole number of at least 1, not {text!r}: try rooms.rooms=10")
    return int(text)


def _loaded(message: str | bytes) -> Any:
    """The message as JSON; None if it is not JSON."""
    try:
        return json.loads(message) if isinstance(message, str) else None
    except (ValueError, RecursionError):
        return None


def _token(user: str, secret: str) -> str:
    """A JSON Web Token (RFC 7519), signed with HS256, as the server itself would issue it."""
    now = int(time.time())
    claims = {
        "iss": PACKAGE,
        "aud": PACKAGE,
        "sub": user,
        "roles": [],
        "iat": now,
        "exp": now + TOKEN_LASTS_S,
    }
    signed = ".".join(_base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{signed}.{_base64url(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))}"


def _base64url(data: bytes) -> str:
    """Base64 for URLs, without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
