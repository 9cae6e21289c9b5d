"""The alerts of the reference server: `/notifications`, typed JSON, one order for all administrators.

All members sign in as the demo user `admin`, and send their alerts to all administrators. Each alert waits until it is
acknowledged by one of them. The member that has published it does so when it comes: the text begins with its number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import Envelope, open_envelope, undamaged
from wsproof.workloads.base import MessageKind, Parsed, Workload
from wsproof.workloads.members import PONG, environment, loaded, with_token
from wsproof.workloads.steps import JoinSteps, Wait, json_with

ADMIN = "admin"
"""The user as which all members sign in: one of the server's demo users, and an administrator."""
_MARK_END = ": "
"""The separator between a member's number and its text."""
KNOWN = frozenset({"welcome", "unread", "sent", "acknowledged"})
"""Message types that no promise of this channel covers."""


class Alerts(Workload):
    """Each alert reaches all administrators once and in one order, and is unread until it is acknowledged."""

    name = "alerts"
    title = "Alerts: signed in, typed JSON; what one sends, all administrators get, until it is acknowledged"
    longest_bytes = 900

    @property
    def contract(self) -> Contract:
        return Contract(channel=self.name, audience=Audience.EVERYONE, order=Order.TOTAL)

    def path(self, member: int) -> str:
        return with_token("/notifications", ADMIN, (ADMIN,))

    def join(self, member: int) -> JoinSteps:
        yield Wait("unread", until=json_with(type="unread"), subscribes=True)

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        # The server does not store an alert with a known id again, so ids must differ between runs.
        name = f"{envelope.publisher}-{envelope.sequence}-{envelope.intended_ns}"
        text = f"{_mark(member)}{envelope.seal(body)}"
        alert = {"type": "send", "id": name, "to": "admins", "level": "info", "text": text}
        return json.dumps(alert)

    def read(self, member: int, message: str | bytes) -> Parsed:
        match loaded(message):
            case {"type": "alert", "to": "admins", "text": str(text)}:
                mark, end, own = text.partition(_MARK_END)
                opened = undamaged(open_envelope(text), len(f"{mark}{end}".encode(errors="surrogatepass")))
                return Parsed(MessageKind.DELIVERY, opened, text=own if end else text, needs_answer=True)
            case {"type": "ping"}:
                return Parsed(MessageKind.IGNORED, needs_answer=True)
            case {"type": kind} if kind in KNOWN:
                return Parsed(MessageKind.IGNORED)
        return Parsed(MessageKind.UNEXPECTED, text=str(message))

    def answer(self, member: int, message: str | bytes) -> Iterable[str]:
        asked: Any = loaded(message)
        if asked["type"] == "ping":
            return (PONG,)
        if not asked["text"].startswith(_mark(member)):
            return ()
        return (json.dumps({"type": "acknowledge", "to": "admins", "seq": asked.get("seq")}),)

    def server_environment(self) -> Mapping[str, str]:
        return environment()


def _mark(member: int) -> str:
    """The beginning of the text of this member's alerts."""
    return f"{member}{_MARK_END}"
