"""Tests of a connection that receives bytes in arbitrary pieces. The transport is a list."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from time import monotonic_ns
from typing import Any

import pytest

from tests.load.reading import read
from wsproof import Envelope
from wsproof.load.files.merge import merge
from wsproof.load.files.worker_files import Records
from wsproof.load.worker.connection import Connection
from wsproof.load.worker.handshake_cache import HandshakeCache
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.load.worker.state import WorkerState
from wsproof.model.history import Departure, History
from wsproof.wire import Frame, FrameDecoder, Opcode, Request, accept_key
from wsproof.workloads import load_channels

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ANSWER = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Accept: {accept_key(KEY)}\r\n\r\n"
).encode()


class Wire:
    """A transport that records what is written."""

    is_stamped = True
    woke_ns = 0

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += data

    def write_stamped(self, data: bytes) -> int:
        self.write(data)
        return monotonic_ns()

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def get_write_buffer_size(self) -> int:
        return 0

    def take_back(self) -> None:
        return None


class Bench:
    """A connection, its worker's recorder, and the resulting history."""

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        self.workload = load_channels("tutorial")["chat"]
        self.room = WorkerState(WorkerRecorder(folder, 0, self.workload))
        self.wire = Wire()
        self.opened: asyncio.Future[str | None] = loop.create_future()
        self.connection = Connection(0, Request("localhost", "/ws/1", KEY), self.room, self.opened)
        self.connection.connection_made(self.wire)
        self._folder = folder

    def open(self) -> None:
        read(self.connection, ANSWER)
        self.room.enter(self.connection)
        self.wire.written = b""

    def history(self) -> History:
        self.room.recorder.settle()
        return merge(Records(self._folder, 1), self.workload, 1, start_ns=0, end_ns=0, drained_ns=0)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def bench(tmp_path: Path, loop: asyncio.AbstractEventLoop) -> Bench:
    return Bench(tmp_path, loop)


def says(sequence: int, body: str = "hello") -> bytes:
    return b"Client #1 says: " + Envelope(0, sequence, 5).seal(body).encode()


def text(payload: bytes) -> bytes:
    return Frame(Opcode.TEXT, payload).encode()


def sequences(history: History) -> list[int]:
    return [int(value) for value in history.receipts.sequence]


class TestCuts:
    @pytest.mark.parametrize("filler", [5, 130, 70_000])
    def test_a_stream_in_two_pieces_gives_the_same_history_at_every_cut(
        self, filler: int, tmp_path: Path, loop: asyncio.AbstractEventLoop
    ) -> None:
        stream = (
            ANSWER + text(says(1, "x" * filler)) + text(says(2)) + Frame(Opcode.PING, b"p").encode() + text(says(3))
        )
        cuts = (
            range(len(stream)) if filler < 1000 else [*range(200, 220), 60_000, *range(len(stream) - 150, len(stream))]
        )
        for cut in cuts:
            folder = tmp_path / str(cut)
            folder.mkdir()
            bench = Bench(folder, loop)
            read(bench.connection, stream[:cut])
            read(bench.connection, stream[cut:])
            history = bench.history()
            bench.room.recorder.close()
            assert sequences(history) == [1, 2, 3], cut
            assert history.receipts.intact.all(), cut
            assert not history.protocol, cut

    def test_a_stream_in_single_bytes_gives_the_same_history(self, bench: Bench) -> None:
        for byte in ANSWER + text(says(1)) + text(says(2, "y" * 300)):
            read(bench.connection, bytes([byte]))
        assert sequences(bench.history()) == [1, 2]


class TestOffTheFastPath:
    def test_a_message_in_fragments_with_a_ping_inside_is_one_receipt_and_the_ping_is_answered(
        self, bench: Bench
    ) -> None:
        bench.open()
        whole = says(1)
        read(bench.connection, Frame(Opcode.TEXT, whole[:9], fin=False).encode())
        read(bench.connection, Frame(Opcode.PING, b"there?").encode())
        read(bench.connection, Frame(Opcode.CONTINUATION, whole[9:]).encode() + text(says(2)))
        decoder = FrameDecoder()
        decoder.feed(bench.wire.written)
        pong = decoder.next_frame()
        assert pong is not None
        assert (pong.opcode, pong.payload) == (Opcode.PONG, b"there?")
        assert sequences(bench.history()) == [1, 2]

    def test_an_open_connection_between_messages_keeps_no_peer(self, bench: Bench) -> None:
        peers = [bench.connection.reader.peer]
        bench.open()
        peers.append(bench.connection.reader.peer)
        read(bench.connection, Frame(Opcode.PING).encode())
        peers.append(bench.connection.reader.peer)
        assert [peer is not None for peer in peers] == [True, False, False]

    def test_a_masked_frame_is_noted_and_its_message_counts(self, bench: Bench) -> None:
        bench.open()
        read(bench.connection, Frame(Opcode.TEXT, says(1), mask=b"abcd").encode() + text(says(2)))
        history = bench.history()
        assert [note.rule for note in history.protocol] == ["masked"]
        assert sequences(history) == [1, 2]

    def test_an_invalid_utf8_text_is_noted_and_its_neighbours_are_received(self, bench: Bench) -> None:
        bench.open()
        read(bench.connection, text(says(1)) + text(b"\xff\xfe") + text(says(2)))
        history = bench.history()
        assert [note.rule for note in history.protocol] == ["text-utf8"]
        assert sequences(history) == [1, 2]
        assert len(history.unexpected) == 1

    def test_a_close_frame_of_the_server_ends_the_membership_with_its_code(self, bench: Bench) -> None:
        bench.open()
        read(bench.connection, text(says(1)) + Frame(Opcode.CLOSE, (4001).to_bytes(2, "big") + b"no").encode())
        assert bench.wire.closed
        assert not bench.connection.can_send
        bench.connection.connection_lost(None)
        member = bench.history().members[0]
        assert (member.departure, member.close_code) == (Departure.DROPPED, 4001)
        assert member.left_ns

    @pytest.mark.parametrize("end", ["close", "eof", "http", "own-close"])
    def test_a_connection_that_can_send_can_encode(
        self, tmp_path: Path, loop: asyncio.AbstractEventLoop, end: str
    ) -> None:
        bench = Bench(tmp_path, loop)
        agreed = b"Sec-WebSocket-Extensions: permessage-deflate"
        read(bench.connection, ANSWER.replace(b"\r\n\r\n", b"\r\n" + agreed + b"\r\n\r\n"))
        bench.room.enter(bench.connection)
        peer = bench.connection.reader.peer
        assert peer is not None
        assert bench.connection.can_send
        assert bench.connection.encode("hello")[0] == 0xC1  # compressed
        match end:
            case "close":
                read(bench.connection, Frame(Opcode.CLOSE, b"\x03\xe8").encode())
            case "eof":
                peer.receive_eof()
            case "http":
                read(bench.connection, b"HTTP/1.1 500 Oh\r\n\r\n")
                peer.receive_eof()
            case "own-close":
                peer.send_close()
        assert not bench.connection.can_send

    def test_an_end_without_a_close_frame_has_no_code(self, bench: Bench) -> None:
        bench.open()
        bench.connection.connection_lost(ConnectionResetError())
        member = bench.history().members[0]
        assert (member.departure, member.close_code) == (Departure.DROPPED, None)

    def test_a_member_dropped_before_it_was_registered_is_not_counted(self, bench: Bench) -> None:
        read(bench.connection, ANSWER + text(says(1)))
        bench.connection.connection_lost(None)
        bench.room.enter(bench.connection)
        assert (bench.room.members_open, bench.room.members_in) == (0, 0)
        (member,) = bench.history().members
        assert member.departure is Departure.DROPPED

    def test_a_refusal_ends_the_wait_for_the_opening(self, bench: Bench) -> None:
        read(bench.connection, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        assert "403" in str(bench.opened.result())

    def test_frames_in_the_segment_of_the_101_are_read(self, bench: Bench) -> None:
        read(bench.connection, ANSWER + text(says(1)))
        assert bench.opened.result() is None
        assert sequences(bench.history()) == [1]


class TestWhatIsRecorded:
    def test_all_messages_of_one_read_have_one_time(self, bench: Bench) -> None:
        bench.open()
        read(bench.connection, b"".join(text(says(number)) for number in range(20)))
        history = bench.history()
        assert sequences(history) == list(range(20))
        assert len(set(history.receipts.received_ns.tolist())) == 1

    def test_the_first_delivery_and_not_a_reply_marks_a_member_as_subscribed(self, bench: Bench) -> None:
        bench.open()
        read(bench.connection, text(b"You: " + Envelope(0, 1, 5).seal("x").encode()))
        assert (bench.room.members_in, bench.history().members[0].in_ns) == (0, 0)
        read(bench.connection, text(says(2)))
        history = bench.history()
        assert bench.room.members_in == 1
        assert history.members[0].in_ns == history.receipts.received_ns[-1]

    @pytest.mark.parametrize("at", range(16, 16 + 5))
    def test_a_changed_letter_is_detected(self, bench: Bench, at: int) -> None:
        bench.open()
        spoiled = bytearray(says(1))
        spoiled[at] ^= 1
        read(bench.connection, text(says(1)) + text(bytes(spoiled)))
        assert bench.history().receipts.intact.tolist() == [1, 0]

    def test_a_message_with_another_sender_name_is_not_intact(self, bench: Bench) -> None:
        bench.open()
        read(bench.connection, text(says(1).replace(b"Client #1", b"Client #9")))
        assert bench.history().receipts.intact.tolist() == [0]

    def test_leave_notices_and_unexpected_messages_are_parsed_after_the_run(self, bench: Bench) -> None:
        bench.open()
        read(bench.connection, text(b"Client #5 left the chat") + text(b"buy now"))
        history = bench.history()
        assert [(notice.about, notice.left) for notice in history.notices] == [("5", True)]
        assert [one.text for one in history.unexpected] == ["buy now"]

    def test_the_same_bytes_as_a_binary_message_are_a_different_message(self, bench: Bench) -> None:
        bench.open()
        read(bench.connection, text(says(1)) + Frame(Opcode.BINARY, says(1)).encode())
        history = bench.history()
        assert sequences(history) == [1]
        assert len(history.unexpected) == 1


class TestKnownAnswers:
    def answer(self, key: str, *, more: str = "", rest: bytes = b"") -> bytes:
        head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        return f"{head}{more}Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n".encode() + rest

    def test_a_handshake_response_that_differs_only_in_its_accept_key_is_cached(self) -> None:
        first, second = Request("localhost", "/1", KEY), Request("localhost", "/2", "d3Nwcm9vZiByZXBsYXllZA==")
        answers = HandshakeCache()
        assert not answers.has(first, self.answer(first.key))
        answers.learn(first, self.answer(first.key))
        assert answers.has(second, self.answer(second.key))
        assert not answers.has(second, self.answer(first.key)), "the accept key of another request"
        assert not answers.has(second, self.answer(second.key, more="Server: x\r\n"))
        assert not answers.has(second, self.answer(second.key, rest=b"\x81\x00"))
        assert not answers.has(second, self.answer(second.key)[:-1])

    def test_a_handshake_response_followed_by_a_frame_is_not_cached(self) -> None:
        request = Request("localhost", "/1", KEY)
        whole = self.answer(request.key, rest=b"\x81\x00")
        answers = HandshakeCache()
        answers.learn(request, whole)
        assert not answers.has(request, whole)

    def test_a_cached_handshake_response_needs_the_accept_key_of_its_request(self, tmp_path: Path) -> None:
        async def run() -> None:
            loop = asyncio.get_running_loop()
            bench = Bench(tmp_path, loop)
            read(bench.connection, ANSWER)
            assert bench.opened.result() is None
            for path, key, proved in (
                ("/ws/2", "d3Nwcm9vZiByZXBsYXllZA==", True),
                ("/ws/3", "AAAAAAAAAAAAAAAAAAAAAA==", False),
            ):
                opened: asyncio.Future[str | None] = loop.create_future()
                connection = Connection(1, Request("localhost", path, key), bench.room, opened)
                connection.connection_made(Wire())
                read(connection, self.answer(key if proved else KEY))
                assert (bench.history().protocol == ()) is proved
            bench.room.recorder.close()

        asyncio.run(run())
