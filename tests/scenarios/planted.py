"""The tutorial's chat with one fault each, as ASGI apps: `tests.scenarios.planted:drops`, ...

Only /ws/{client_id} is served. Most faults affect every tenth of the first 30 broadcasts, so that later messages
prove them. With PROVEN=path in the environment, the server creates this file when enough of them have followed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]

ENOUGH = 45
"""Broadcasts until each fault has struck and later messages prove it."""
HELD_S = 0.2
"""Seconds after which `Disagrees` delivers a held message that no other has followed."""


IDS_OF_A_WORKER = 1_000_000
"""The number of member ids of each Locust worker (`wsproof.locust.member_ids.PER_WORKER`)."""


def strikes(number: int) -> bool:
    """Return whether the fault affects this broadcast."""
    return number in (9, 19, 29)


def report_proven() -> None:
    """Create the file that tells the test that enough messages have followed, if the environment names one."""
    if file := os.environ.get("PROVEN"):
        Path(file).touch()


class Chat:
    """A correct chat. Subclasses override `deliver`, which gets a broadcast and the number of earlier ones."""

    def __init__(self) -> None:
        self.members: dict[str, Send] = {}
        self.count = 0

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            return
        name = scope["path"].removeprefix("/ws/")
        await receive()
        await send({"type": "websocket.accept"})
        self.members[name] = send
        while (event := await receive())["type"] == "websocket.receive":
            await self.say(send, f"You: {event['text']}")
            await self.deliver(f"Client #{name} says: {event['text']}", self.count)
            self.count += 1
            if self.count == ENOUGH:
                report_proven()
        del self.members[name]
        for other in list(self.members.values()):
            await self.say(other, f"Client #{name} left the chat")

    async def deliver(self, text: str, number: int) -> None:
        for member in list(self.members.values()):
            await self.say(member, text)

    async def say(self, send: Send, text: str) -> None:
        await send({"type": "websocket.send", "text": text})


class Drops(Chat):
    """A chat in which the first member misses some messages."""

    async def deliver(self, text: str, number: int) -> None:
        for place, member in enumerate(list(self.members.values())):
            if place or not strikes(number):
                await self.say(member, text)


class Duplicates(Chat):
    """A chat that sends some messages twice."""

    async def deliver(self, text: str, number: int) -> None:
        await super().deliver(text, number)
        if strikes(number):
            await super().deliver(text, number)


class Reorders(Chat):
    """A chat that delays some messages until the same client has published again."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, str] = {}

    async def deliver(self, text: str, number: int) -> None:
        speaker = text.partition(" says")[0]
        if strikes(number) and speaker not in self.held:
            self.held[speaker] = text
            return
        await super().deliver(text, number)
        if speaker in self.held:
            await super().deliver(self.held.pop(speaker), number)


class Disagrees(Chat):
    """A chat in which the first member gets some messages of two clients in another order than all others."""

    def __init__(self) -> None:
        super().__init__()
        self.held = ""

    async def deliver(self, text: str, number: int) -> None:
        first, *others = list(self.members.values())
        for member in others:
            await self.say(member, text)
        held, self.held = self.held, ""
        if not held and number % 3 == 0:
            self.held = text
            asyncio.get_running_loop().call_later(HELD_S, lambda: asyncio.ensure_future(self.release(first, text)))
            return
        is_same_client = held.partition(" says")[0] == text.partition(" says")[0]
        for each in (held, text) if is_same_client else (text, held):
            if each:
                await self.say(first, each)

    async def release(self, member: Send, text: str) -> None:
        """Deliver a message that nobody has followed, so that it is not lost."""
        if self.held == text:
            self.held = ""
            await self.say(member, text)


class Separates(Chat):
    """A chat that loses some messages on the way from members of one Locust worker to those of another."""

    async def deliver(self, text: str, number: int) -> None:
        speaker = int(text.partition(" says")[0].partition("#")[2])
        for name, member in list(self.members.items()):
            if number % 5 != 4 or int(name) // IDS_OF_A_WORKER == speaker // IDS_OF_A_WORKER:
                await self.say(member, text)


class Mixes(Chat):
    """A chat that delays messages to members of another Locust worker until the same client has published again."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, str] = {}

    async def deliver(self, text: str, number: int) -> None:
        client = text.partition(" says")[0]
        held = self.held.pop(client, "")
        is_held = not held and number % 5 == 4
        if is_held:
            self.held[client] = text
        worker = int(client.partition("#")[2]) // IDS_OF_A_WORKER
        for name, member in list(self.members.items()):
            is_same_worker = int(name) // IDS_OF_A_WORKER == worker
            for each in (text,) if is_same_worker else (text, held) if not is_held else ():
                if each:
                    await self.say(member, each)


class Corrupts(Chat):
    """A chat that changes a letter in some messages."""

    async def deliver(self, text: str, number: int) -> None:
        await super().deliver(text.replace("quick", "quack") if strikes(number) else text, number)


class Dies(Chat):
    """A chat that exits after 30 messages."""

    async def deliver(self, text: str, number: int) -> None:
        await super().deliver(text, number)
        if number == 30:
            report_proven()
            os._exit(1)


disagrees = Disagrees()
correct, drops, duplicates, reorders, corrupts, dies = Chat(), Drops(), Duplicates(), Reorders(), Corrupts(), Dies()
separates, mixes = Separates(), Mixes()
