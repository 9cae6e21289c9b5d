"""The messages on the wire: a capture of one port of the loopback device, read message by message.

The kernel stamps each packet (ns of the wall clock) when it passes it on, long before it wakes a client. The wall clock
is compared with CLOCK_MONOTONIC before and after the capture. Only packets of the one port that carry data are
captured.
"""

from __future__ import annotations

import re
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.pinned import put_on_core
from wsproof.model.envelope import find_envelope

Key = tuple[int, int]
"""Publisher and sequence number."""

CARRIES_DATA = "(ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2)) != 0"
NANOSECOND_PCAP = 0xA1B23C4D
ETHERNET_BYTES = 14
MEMBER = re.compile(rb"GET /ws/(\d+) ")


@dataclass
class Wire:
    """The time of each message on the wire, in ns of CLOCK_MONOTONIC."""

    published: dict[Key, int] = field(default_factory=dict)
    delivered: dict[tuple[int, Key], int] = field(default_factory=dict)
    """Times by member and key."""
    dropped: int = 0
    """Number of packets that the capture lost."""


@dataclass
class Flow:
    """The bytes of one direction of one connection."""

    rest: bytes = b""
    expected: int | None = None
    open: bool = False
    head: bytes = b""

    def take(self, sequence: int, data: bytes) -> list[bytes]:
        """Return the payloads of the frames that this segment completes. Bytes that were sent before are skipped."""
        if self.expected is not None and (behind := (self.expected - sequence) & 0xFFFFFFFF) < 1 << 31:
            data = data[behind:]
            sequence += behind
        self.expected = (sequence + len(data)) & 0xFFFFFFFF
        self.rest += data
        if not self.open:
            head, end, rest = self.rest.partition(b"\r\n\r\n")
            if not end:
                return []
            self.head, self.rest, self.open = head, rest, True
        return list(self._frames())

    def _frames(self) -> Iterator[bytes]:
        data, at = self.rest, 0
        while len(data) - at >= 2:
            length, start = data[at + 1] & 0x7F, at + 2
            if length > 125:
                size = 2 if length == 126 else 8
                length, start = int.from_bytes(data[start : start + size], "big"), start + size
            mask = data[start : start + 4] if data[at + 1] & 0x80 else b""
            start += len(mask)
            if len(data) < start + length:
                break
            yield _unmasked(data[start : start + length], mask)
            at = start + length
        self.rest = data[at:]


@contextmanager
def capture(port: int, file: Path, some: int = 1) -> Iterator[Wire]:
    """Capture during this block, and fill the wire at its end.

    Deliveries are captured on every `some`-th connection only (a power of two), in case all would be too many.
    """
    tcpdump = shutil.which("tcpdump")
    if tcpdump is None:
        sys.exit(
            "This benchmark reads the wire with tcpdump: apt-get install -y tcpdump (it needs the right to capture)"
        )
    which = f"(dst port {port} or (src port {port} and tcp[2:2] & {some - 1} = 0)) and {CARRIES_DATA}"
    command = [tcpdump, "-i", "lo", "-n", "--time-stamp-precision=nano", "-B", "65536", "-s", "0", "-w", "-", which]
    wire = Wire()
    before = clock_offset_ns()
    with file.open("wb") as packets:
        running = subprocess.Popen(command, stdout=packets, stderr=subprocess.PIPE, text=True)
    put_on_core(running.pid, 0)
    assert running.stderr is not None
    said = running.stderr.readline()
    if "listening" not in said:
        sys.exit(f"tcpdump does not capture: {said.strip()}")
    try:
        yield wire
    finally:
        time.sleep(1.5)  # the kernel hands packets over in blocks, once a second, and the last would be lost
        running.send_signal(signal.SIGINT)
        _, words = running.communicate(timeout=60)
    offset = (before + clock_offset_ns()) // 2
    dropped = re.search(r"(\d+) packets dropped by kernel", words)
    wire.dropped = int(dropped[1]) if dropped else 0
    read_messages(file, port, offset, wire)


def clock_offset_ns() -> int:
    """Wall clock minus CLOCK_MONOTONIC in ns, by the quickest of many tries."""
    tries = []
    for _ in range(200):
        early = time.monotonic_ns()
        wall = time.time_ns()
        late = time.monotonic_ns()
        tries.append((late - early, wall - (early + late) // 2))
    return min(tries)[1]


def read_messages(file: Path, port: int, offset_ns: int, wire: Wire) -> None:
    """Fill `wire` with the messages of a capture that have an envelope.

    A client's port is mapped to its member by the path of its handshake, or by the publisher in its messages.
    """
    flows: dict[tuple[int, int], Flow] = {}
    members: dict[int, int] = {}
    deliveries: list[tuple[int, Key, int]] = []
    for at_ns, source, target, sequence, data in packets(file.read_bytes()):
        flow = flows.setdefault((source, target), Flow())
        for payload in flow.take(sequence, data):
            found = find_envelope(payload)
            if found is None or payload.startswith(b"You: "):
                continue
            key = (found.envelope.publisher, found.envelope.sequence)
            if target == port:
                members[source] = key[0]
                wire.published[key] = at_ns - offset_ns
            else:
                deliveries.append((target, key, at_ns - offset_ns))
        if target == port and (asked := MEMBER.match(flow.head)):
            members[source] = int(asked[1]) - 1
    for client, key, at_ns in deliveries:
        if client in members:
            wire.delivered[members[client], key] = at_ns


def packets(data: bytes) -> Iterator[tuple[int, int, int, int, bytes]]:
    """Yield the time (ns of the wall clock), ports, sequence number and data of each packet."""
    order = "<" if data[:4] == struct.pack("<I", NANOSECOND_PCAP) else ">"
    at = 24
    while at < len(data):
        seconds, nanoseconds, kept, _ = struct.unpack_from(order + "IIII", data, at)
        packet = data[at + 16 : at + 16 + kept]
        at += 16 + kept
        ip = ETHERNET_BYTES
        tcp = ip + 4 * (packet[ip] & 0xF)
        end = ip + int.from_bytes(packet[ip + 2 : ip + 4], "big")
        source, target, sequence = struct.unpack_from(">HHI", packet, tcp)
        start = tcp + 4 * (packet[tcp + 12] >> 4)
        yield seconds * 1_000_000_000 + nanoseconds, source, target, sequence, packet[start:end]


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    if not mask:
        return payload
    whole = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")).to_bytes(len(payload), "big")
