"""The alerts of the reference server: `/notifications`, typed JSON, one order for all administrators.

All members sign in as the demo user `admin`, and send their alerts to all administrators. Each alert waits until it is
acknowledged, and nobody else is asked to: so the member that has published one acknowledges it when it has come.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import Envelope, open_envelope
from wsproof.workloads.base import MessageKind, Parsed, Workload
from wsproof.workloads.members import PONG, environment, loaded, with_token
from wsproof.workloads.steps import JoinSteps, Wait, json_with

ADMIN = "admin"
"""The user as which all members sign in: one of the server's demo users, and an administrator."""
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
        alert = {"type": "send", "id": name, "to": "admins", "level": "info", "text": envelope.seal(body)}
        return json.dumps(alert)

    def read(self, member: int, message: str | bytes) -> Parsed:
        match loaded(message):
            case {"type": "alert", "to": "admins", "text": str(text)}:
                opened = open_envelope(text)
                is_mine = opened is not None and opened.envelope.publisher == member
                return Parsed(MessageKind.DELIVERY, opened, text=text, needs_answer=is_mine)
            case {"type": "ping"}:
                return Parsed(MessageKind.IGNORED, needs_answer=True)
            case {"type": kind} if kind in KNOWN:
                return Parsed(MessageKind.IGNORED)
        return Parsed(MessageKind.UNEXPECTED, text=str(message))

    def answer(self, member: int, message: str | bytes) -> Iterable[str]:
        asked: Any = loaded(message)
        acknowledgement = {"type": "acknowledge", "to": "admins", "seq": asked.get("seq")}
        return (PONG if asked["type"] == "ping" else json.dumps(acknowledgement),)

    def server_environment(self) -> Mapping[str, str]:
        return environment()
