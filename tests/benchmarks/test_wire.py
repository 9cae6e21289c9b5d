"""Tests of the capture reader. All other latency measurements are compared with it."""

from __future__ import annotations

import struct
from pathlib import Path

from benchmarks.truth.wire import NANOSECOND_PCAP, Wire, read_messages
from wsproof import Envelope
from wsproof.wire.frames import Frame, Opcode

SERVER, ALICE, BOB = 8000, 40000, 40008
OFFSET_NS = 1_000_000_000_000
ASKED = b"GET /ws/%d HTTP/1.1\r\nHost: localhost\r\n\r\n"
ANSWERED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


class Tape:
    """A capture that is written packet by packet. Its sequence numbers start just below the overflow."""

    def __init__(self) -> None:
        self.bytes = struct.pack("<IHHiIII", NANOSECOND_PCAP, 2, 4, 0, 0, 262144, 1)
        self.next: dict[tuple[int, int], int] = {}

    def packet(self, at_ns: int, source: int, target: int, data: bytes, again: int = 0) -> None:
        """Write one packet. `again`: the number of preceding bytes to retransmit in front of the data."""
        sequence = (self.next.get((source, target), 0xFFFFFFF0) - again) & 0xFFFFFFFF
        self.next[source, target] = (sequence + len(data)) & 0xFFFFFFFF
        tcp = struct.pack(">HHIIBBHHH", source, target, sequence, 0, 5 << 4, 0, 0, 0, 0)
        ip = struct.pack(
            ">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp) + len(data), 0, 0, 64, 6, 0, b"\x7f\0\0\1", b"\x7f\0\0\1"
        )
        packet_bytes = bytes(14) + ip + tcp + data
        seconds, nanoseconds = divmod(at_ns + OFFSET_NS, 1_000_000_000)
        self.bytes += struct.pack("<IIII", seconds, nanoseconds, len(packet_bytes), len(packet_bytes)) + packet_bytes

    def read(self, folder: Path) -> Wire:
        file = folder / "wire.pcap"
        file.write_bytes(self.bytes)
        wire = Wire()
        read_messages(file, SERVER, OFFSET_NS, wire)
        return wire


def greeted() -> Tape:
    """Return a capture in which Alice and Bob have completed their handshakes."""
    tape = Tape()
    for number, client in enumerate((ALICE, BOB), 1):
        tape.packet(1, client, SERVER, ASKED % number)
        tape.packet(2, SERVER, client, ANSWERED)
    return tape


def said(sequence: int, words: str = "") -> str:
    return words + Envelope(0, sequence, 7).seal("hello")


def published(sequence: int) -> bytes:
    return Frame(Opcode.TEXT, said(sequence).encode(), mask=b"abcd").encode()


def delivered(sequence: int, words: str = "Client #1 says: ") -> bytes:
    return Frame(Opcode.TEXT, said(sequence, words).encode()).encode()


def test_a_publication_and_its_deliveries_have_the_times_of_their_packets(tmp_path: Path) -> None:
    tape = greeted()
    tape.packet(100, ALICE, SERVER, published(0))
    tape.packet(150, SERVER, ALICE, delivered(0))
    tape.packet(160, SERVER, BOB, delivered(0))
    wire = tape.read(tmp_path)
    assert wire.published == {(0, 0): 100}
    assert wire.delivered == {(0, (0, 0)): 150, (1, (0, 0)): 160}


def test_the_reply_to_the_publisher_is_no_delivery(tmp_path: Path) -> None:
    tape = greeted()
    tape.packet(100, ALICE, SERVER, published(0))
    tape.packet(120, SERVER, ALICE, delivered(0, "You: "))
    assert tape.read(tmp_path).delivered == {}


def test_a_message_in_several_packets_has_the_time_of_the_last(tmp_path: Path) -> None:
    tape = greeted()
    messages = delivered(0) + delivered(1)
    for at_ns, part in ((100, messages[:1]), (200, messages[1:90]), (300, messages[90:])):
        tape.packet(at_ns, SERVER, BOB, part)
    assert tape.read(tmp_path).delivered == {(1, (0, 0)): 200, (1, (0, 1)): 300}


def test_several_messages_in_one_packet_are_all_found(tmp_path: Path) -> None:
    tape = greeted()
    tape.packet(100, SERVER, BOB, b"".join(delivered(number) for number in range(3)))
    assert tape.read(tmp_path).delivered == {(1, (0, number)): 100 for number in range(3)}


def test_a_retransmitted_segment_changes_nothing(tmp_path: Path) -> None:
    tape = greeted()
    tape.packet(100, SERVER, BOB, delivered(0))
    tape.packet(200, SERVER, BOB, delivered(0) + delivered(1), again=len(delivered(0)))
    assert tape.read(tmp_path).delivered == {(1, (0, 0)): 100, (1, (0, 1)): 200}


def test_a_connection_without_a_path_of_its_own_is_identified_by_its_publications(tmp_path: Path) -> None:
    tape = Tape()
    tape.packet(1, ALICE, SERVER, b"GET /ws HTTP/1.1\r\n\r\n")
    tape.packet(2, SERVER, ALICE, ANSWERED)
    tape.packet(100, ALICE, SERVER, published(3))
    tape.packet(130, SERVER, ALICE, delivered(3, "Message received: "))
    wire = tape.read(tmp_path)
    assert wire.delivered == {(0, (0, 3)): 130}
