"""Small servers with one planted behaviour each. `python servers.py BEHAVIOUR` prints the port.

They implement chat (`/ws/{id}`), echo (`/ws`) and a feed (`/dashboard-feed`) on bare sockets, to control each byte. A
server ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import cast

from wsproof import open_envelope
from wsproof.wire import Frame, FrameDecoder, Opcode, accept_key

MARKED = 10
"""One of this many deliveries to a member is marked. A behaviour applies to marked deliveries."""

PLANTED = ("drop", "duplicate", "reorder", "corrupt", "fragment", "close", "breach", "words")
"""Behaviours of marked deliveries. The others: fair, stall, halt, refuse, deaf, flood, rare."""

HELD = ("hold", "spread", "slow", "pause")
"""Behaviours that affect timing. With `--diary` such a server prints its log at the end: see `Diary`."""
HOLD_S = 0.02
SLOW_MEMBER = 2
PAUSE_EVERY, PAUSE_S = 40, 0.15
HALT_EVERY_S, HALT_S = 1.0, 0.1
HALTS = {"halt": (HALT_EVERY_S, HALT_S), "halt-long": (10.0, 1.0)}
"""Behaviours that stop the server: the interval, and the duration."""
RARELY = 10_000
"""Behaviour `rare`: one of this many deliveries, counted over all members, is dropped."""


def is_marked(member: int, sequence: int) -> bool:
    """Return whether the behaviour applies to the delivery of this publication to this member (0, 1, ...)."""
    return (member + sequence) % MARKED == MARKED - 1


def hold_s(behaviour: str, member: int, sequence: int) -> float:
    """Return the delay of this publication's delivery to this member."""
    if behaviour == "hold":
        return HOLD_S
    if behaviour == "spread":  # 1 to 20 ms, each as often as the others
        return 0.001 * (1 + (sequence * 7) % 20)
    return HOLD_S if behaviour == "slow" and member == SLOW_MEMBER else 0.0


class Diary:
    """The arrival time of each publication and the send time of each delivery, by this machine's clock."""

    def __init__(self) -> None:
        self.came: list[tuple[int, int]] = []
        self.sent: list[tuple[int, int, int]] = []

    def tell(self) -> str:
        return json.dumps({"came": self.came, "sent": self.sent})


class Room:
    """All connected members, and the behaviour."""

    def __init__(self, behaviour: str) -> None:
        self.behaviour = behaviour
        self.members: list[Member] = []
        self.diary = Diary()
        self.deliveries = 0

    def publish(self, speaker: str, text: bytes) -> None:
        """Deliver to all members."""
        opened = open_envelope(text)
        sequence = opened.envelope.sequence if opened is not None else 0
        payload = f"Client #{speaker} says: ".encode() + text
        frame = Frame(Opcode.TEXT, payload).encode()
        if self.behaviour == "stall" and sequence == 50:
            time.sleep(1.0)
        if self.behaviour in HELD:
            self.hold(frame, sequence)
            return
        for member in list(self.members):
            self.deliveries += 1
            if self.behaviour == "rare" and self.deliveries % RARELY == 0:
                continue
            marked = self.behaviour in PLANTED and is_marked(member.number, sequence)
            member.deliver(frame, payload, sequence, marked)

    def hold(self, frame: bytes, sequence: int) -> None:
        """Deliver later, and log the time."""
        self.diary.came.append((sequence, time.monotonic_ns()))
        if self.behaviour == "pause" and sequence % PAUSE_EVERY == PAUSE_EVERY - 1:
            time.sleep(PAUSE_S)
        loop = asyncio.get_running_loop()
        for member in self.members:
            delay_s = hold_s(self.behaviour, member.number, sequence)
            if delay_s:
                loop.call_later(delay_s, self.release, member, frame, sequence)
            else:
                self.release(member, frame, sequence)

    def release(self, member: Member, frame: bytes, sequence: int) -> None:
        if member in self.members:
            self.diary.sent.append((member.number, sequence, time.monotonic_ns()))
            member.transport.write(frame)


class Member(asyncio.Protocol):
    """One connection of the server."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.head = b""
        self.name: str | None = None
        self.path = ""
        self.decoder = FrameDecoder()
        self.kept = b""
        self.pings_open = 0
        self.unsent: list[bytes] = []
        """Messages that wait for pongs to earlier pings."""
        self.feed: asyncio.Task[None] | None = None

    @property
    def number(self) -> int:
        return int(self.name or 1) - 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.feed is not None:
            self.feed.cancel()
        if self in self.room.members:
            self.room.members.remove(self)
            if self.name is not None:
                left = Frame(Opcode.TEXT, f"Client #{self.name} left the chat".encode()).encode()
                for member in self.room.members:
                    member.transport.write(left)

    def data_received(self, data: bytes) -> None:
        if not self.path:
            self.head += data
            if b"\r\n\r\n" not in self.head:
                return
            head, data = self.head.split(b"\r\n\r\n", 1)
            self.shake_hands(head.decode())
        self.decoder.feed(data)
        while (frame := self.decoder.next_frame()) is not None:
            self.take(frame)

    def shake_hands(self, head: str) -> None:
        lines = head.split("\r\n")
        self.path = lines[0].split()[1]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        name = self.path.removeprefix("/ws/") if self.path.startswith("/ws/") else None
        if self.room.behaviour == "refuse" and name == "3":
            self.transport.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            self.transport.close()
            return
        accept = accept_key(headers["sec-websocket-key"])
        self.transport.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        if name is not None and not (self.room.behaviour == "deaf" and name == "3"):
            self.name = name
            self.room.members.append(self)
        elif self.path == "/dashboard-feed":
            self.feed = asyncio.get_running_loop().create_task(self.tell_figures())

    async def tell_figures(self) -> None:
        while True:
            figures = {"cpu_usage": 1, "memory_usage": 2, "active_users": 3, "response_time": 0.5}
            self.transport.write(Frame(Opcode.TEXT, json.dumps(figures).encode()).encode())
            await asyncio.sleep(0.05)

    def take(self, frame: Frame) -> None:
        if frame.opcode == Opcode.CLOSE:
            self.transport.write(Frame(Opcode.CLOSE, frame.payload[:2]).encode())
            self.transport.close()
        elif frame.opcode == Opcode.PONG:
            self.pings_open -= 1
            if not self.pings_open and self.unsent:
                self.send_in_fragments(self.unsent.pop(0))
        elif frame.opcode == Opcode.TEXT and self.name is not None:
            self.transport.write(Frame(Opcode.TEXT, b"You: " + frame.payload).encode())
            self.room.publish(self.name, frame.payload)
        elif frame.opcode == Opcode.TEXT:
            self.transport.write(Frame(Opcode.TEXT, b"Message received: " + frame.payload).encode())

    def deliver(self, frame: bytes, payload: bytes, sequence: int, marked: bool) -> None:
        behaviour = self.room.behaviour
        if behaviour == "flood":
            self.transport.write(frame * 64)
            return
        if not marked:
            self.transport.write(frame + self.kept)
            self.kept = b""
        elif behaviour == "duplicate":
            self.transport.write(frame + frame)
        elif behaviour == "reorder":
            self.kept = frame
        elif behaviour == "corrupt":
            spoiled = payload.replace(b"quick", b"quack")
            self.transport.write(Frame(Opcode.TEXT, spoiled).encode())
        elif behaviour == "fragment":
            self.send_in_fragments(payload)
        elif behaviour == "close":
            self.transport.write(frame + Frame(Opcode.CLOSE, (4001).to_bytes(2, "big") + b"enough").encode())
            self.room.members.remove(self)
        elif behaviour == "breach":
            self.transport.write(Frame(Opcode.TEXT, payload, mask=b"abcd").encode())
        elif behaviour == "words":
            self.transport.write(Frame(Opcode.TEXT, b"Client #999 says: " + payload.partition(b": ")[2]).encode())

    def send_in_fragments(self, payload: bytes) -> None:
        """Send three fragments with pings between them. A member that does not answer gets no more of these."""
        if self.pings_open:
            self.unsent.append(payload)
            return
        self.pings_open += 2
        ping = Frame(Opcode.PING, b"there?").encode()
        first = Frame(Opcode.TEXT, payload[:10], fin=False).encode()
        middle = Frame(Opcode.CONTINUATION, payload[10:20], fin=False).encode()
        last = Frame(Opcode.CONTINUATION, payload[20:]).encode()
        self.transport.write(first + ping + middle + ping + last)


def halt(loop: asyncio.AbstractEventLoop, every_s: float, for_s: float) -> None:
    """Block the loop periodically, as a garbage collection or a blocking call does."""
    loop.call_later(every_s, halt, loop, every_s, for_s)
    time.sleep(for_s)


async def main(behaviour: str) -> None:
    room = Room(behaviour)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Member(room), "127.0.0.1", 0, backlog=1024)
    if behaviour in HALTS:
        every_s, for_s = HALTS[behaviour]
        loop.call_later(every_s, halt, loop, every_s, for_s)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - the parent reads it
    await loop.run_in_executor(None, sys.stdin.read)
    if "--diary" in sys.argv:
        print(room.diary.tell(), flush=True)  # noqa: T201 - likewise


if __name__ == "__main__":
    if "--uvloop" in sys.argv:
        import uvloop

        uvloop.install()
    asyncio.run(main(sys.argv[1]))
