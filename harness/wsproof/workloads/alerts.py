"""The alerts of the reference server: `/notifications`, typed JSON, one order for all administrators.

All members sign in as the demo user `admin`, and send their alerts to all administrators. Each alert is unread until
one of them acknowledges it. Its publisher does so when the alert arrives: the text begins with the publisher's number.
The state is the alerts that are unread: a newcomer is told them, and all others are told which are acknowledged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import Envelope
from wsproof.workloads.base import MessageKind, Parsed, Workload
from wsproof.workloads.formats import loaded
from wsproof.workloads.members import PONG, environment, is_own, marked, with_token, without_mark
from wsproof.workloads.steps import JoinSteps, Wait, json_with

ADMIN = "admin"
"""The user as which all members sign in: one of the server's demo users, and an administrator."""
KNOWN = frozenset({"welcome", "unread", "sent", "acknowledged"})
"""Message types that no promise of this channel covers."""


class Alerts(Workload):
    """Each alert reaches all administrators once and in one order, and is unread until it is acknowledged."""

    name = "alerts"
    title = "Alerts: signed in, typed JSON; each alert reaches all administrators until it is acknowledged"
    repeats_count_once = True
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
        text = marked(member, envelope.seal(body))
        alert = {"type": "send", "id": name, "to": "admins", "level": "info", "text": text}
        return json.dumps(alert)

    def read(self, member: int, message: str | bytes) -> Parsed:
        match loaded(message):
            case {"type": "alert", "to": "admins", "text": str(text)}:
                own, opened = without_mark(text)
                return Parsed(MessageKind.DELIVERY, opened, text=own, needs_answer=True)
            case {"type": "ping"}:
                return Parsed(MessageKind.IGNORED, needs_answer=True)
            case {"type": kind} if kind in KNOWN:
                return Parsed(MessageKind.IGNORED)
        return Parsed(MessageKind.UNEXPECTED, text=str(message))

    def answer(self, member: int, message: str | bytes) -> Iterable[str]:
        asked: Any = loaded(message)
        if asked["type"] == "ping":
            return (PONG,)
        if not is_own(member, asked["text"]):
            return ()
        return (json.dumps({"type": "acknowledge", "to": "admins", "seq": asked.get("seq")}),)

    def state(self, member: int, messages: Sequence[str | bytes]) -> Mapping[str, Any] | None:
        unread: dict[str, Any] | None = None
        for message in messages:
            match loaded(message):
                case {"type": "unread", "alerts": list(alerts)}:
                    unread = {_name(alert): alert["text"] for alert in alerts}
                case {"type": "alert", "text": str(text)} as alert if unread is not None:
                    unread[_name(alert)] = text
                case {"type": "acknowledged"} as alert if unread is not None:
                    unread.pop(_name(alert), None)
        return unread

    def server_environment(self) -> Mapping[str, str]:
        return environment()


def _name(alert: Mapping[str, Any]) -> str:
    """The name of an alert, by which it is acknowledged."""
    return f"{alert.get('to')} {alert.get('seq')}"
