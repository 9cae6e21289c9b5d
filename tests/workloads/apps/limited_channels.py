"""The channel of `limited`: members log in by HTTP, and can be logged out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.request import Request, urlopen

from wsproof import Audience, Contract, Every, MessageKind, Parsed, RateLimit, Workload, open_envelope


def posted(url: str) -> bytes:
    with urlopen(Request(url, method="POST"), timeout=30) as answer:
        body: bytes = answer.read()
    return body


class Limited(Workload):
    name = "limited"
    title = "A room with a login, a logout and a limit on the rate"
    contract = Contract(
        "limited", Audience.EVERYONE, rate_limit=RateLimit(messages=20, window_s=0.3), revoked_within_s=0.5
    )

    def __init__(self, settings: dict[str, str] | None = None, *, base: int = 1) -> None:
        super().__init__(settings, base=base)
        self.tokens: dict[int, str] = {}

    def prepare(self, member: int, url: str) -> None:
        self.tokens[member] = json.loads(posted(f"{url}/login"))["token"]

    def revoke(self, member: int, url: str) -> None:
        posted(f"{url}/logout?{self.tokens[member]}")

    def path(self, member: int) -> str:
        return f"/?token={self.tokens.get(member, 'none')}"

    def read(self, member: int, message: str | bytes) -> Parsed:
        return Parsed(MessageKind.DELIVERY, open_envelope(message), text=str(message))


class Beating(Limited):
    """A channel whose members send heartbeats, which a server may count."""

    name = "beating"

    def timers(self, member: int) -> Iterable[Every]:
        return [Every(0.05, "beat")]


class PrivateRooms(Limited):
    """A channel of two rooms, with tokens that expire."""

    name = "private"
    rooms = 2
    contract = Contract("private", Audience.EVERYONE, private_rooms=True)

    def room_of(self, member: int) -> int:
        return member % 2

    def prepare(self, member: int, url: str) -> None:
        self.tokens[member] = json.loads(posted(f"{url}/login?{self.room_of(member)}"))["token"]

    def expire(self, member: int, url: str) -> None:
        posted(f"{url}/expire?{self.tokens[member]}")

    def path(self, member: int) -> str:
        return f"{super().path(member)}&room={self.room_of(member)}"


WORKLOADS = [Limited, Beating, PrivateRooms]
