"""Tests of reads and writes on both event loops: exact times for a late reader, and intervals without stamps."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from time import monotonic_ns
from typing import Any

import pytest
import uvloop

from tests.load.test_connection import ANSWER, KEY, says, text
from wsproof.load.worker.compiled_poller import CompiledPoller, CompiledTransport, is_built, transport_on
from wsproof.load.worker.connection import Connection
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.load.worker.socket_poller import SocketPoller
from wsproof.load.worker.state import WorkerState
from wsproof.net.kernel_clock import does_kernel_stamp, request_stamps
from wsproof.net.send_stamps import send_stamped
from wsproof.wire import Frame, Opcode, Request
from wsproof.workloads import load_channels

CLOCK_ERROR_NS = 1_000
DEADLINE_S = 90
NS = 1_000_000_000
LATE_S = 0.005
pytestmark = pytest.mark.skipif(not does_kernel_stamp(), reason="this system does not stamp received data")


class Hall:
    """Members on TCP sockets with timestamps, and the other ends of these sockets."""

    def __init__(self, folder: Path, *, is_compiled: bool) -> None:
        self.room = WorkerState(WorkerRecorder(folder, 0, load_channels("tutorial")["chat"]))
        loop = asyncio.get_running_loop()
        self.poller = CompiledPoller(loop, self.room) if is_compiled else SocketPoller(loop)
        self.ends: list[socket.socket] = []
        self.connections: list[Connection] = []
        self.at_first: list[tuple[int, ...]] = []

    async def let_in_by_unix_socket(self) -> None:
        """Open one member's connection on a Unix socket, which the kernel does not stamp."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        await self._open(0, ours, theirs, is_stamped=False)

    async def let_in(self, count: int, receive_buffer: int | None = None) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            for member in range(count):
                ours = socket.socket()
                if receive_buffer is not None:
                    ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
                ours.connect(listener.getsockname())
                ours.setblocking(False)
                assert request_stamps(ours)
                theirs, _ = listener.accept()
                theirs.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await self._open(member, ours, theirs, is_stamped=True)
        self.at_first = self.intervals

    async def _open(self, member: int, ours: socket.socket, theirs: socket.socket, *, is_stamped: bool) -> None:
        self.ends.append(theirs)
        opened: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        connection = Connection(member, Request("localhost", "/ws/1", KEY), self.room, opened)
        transport = transport_on(self.poller, ours, connection, self.room.clock, is_stamped=is_stamped)
        connection.connection_made(transport)
        transport.start()
        theirs.sendall(ANSWER)
        assert await opened is None
        self.room.enter(connection)
        self.connections.append(connection)

    async def receipts(self, count: int) -> list[tuple[int, int]]:
        """Return the next `count` receipts: the member, and the stamp."""
        recorder = self.room.recorder
        await until(lambda: len(recorder.unwritten_receipts()) >= 3 * count)
        rows = recorder.unwritten_receipts()
        recorder._receipts.settle()
        return list(zip(rows[::3], rows[2::3], strict=True))

    async def hear_in_pieces(
        self, member: int, data: bytes, count: int, chance: random.Random
    ) -> list[tuple[int, ...]]:
        """Send a member data in pieces of any size. Returns its `count` receipts: member, message, and stamp."""
        rows: list[int] = []

        def read() -> bool:
            rows.extend(self.room.recorder.unwritten_receipts())
            self.room.recorder._receipts.settle()
            return len(rows) >= 3 * count

        end = self.ends[member]
        end.setblocking(False)
        while data:
            with suppress(BlockingIOError):
                data = data[end.send(data[: chance.choice([1, 2, 3, 50, 1_000, 70_000, 500_000])]) :]
            await asyncio.sleep(0)
            read()
        await until(read)
        return list(zip(rows[::3], rows[1::3], rows[2::3], strict=True))

    @property
    def intervals(self) -> list[tuple[int, ...]]:
        rows = self.room.recorder._intervals.unwritten()
        return list(zip(rows[::4], rows[1::4], rows[2::4], rows[3::4], strict=True))

    async def close(self) -> None:
        for connection in self.connections:
            connection.abort()
        await self.room.wait_empty(DEADLINE_S)
        for end in self.ends:
            end.close()
        self.poller.close()
        self.room.recorder.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0)


@pytest.fixture(params=["python", "compiled"])
def is_compiled(request: pytest.FixtureRequest) -> bool:
    """Return whether the compiled reader reads. If it is not built, skip, or fail if WSPROOF_REQUIRE_ALL is set."""
    if request.param == "compiled" and not is_built():
        if os.environ.get("WSPROOF_REQUIRE_ALL") == "1":
            pytest.fail("the compiled reader is not built: see what hatch_build.py needs")
        pytest.skip("the compiled reader is not built")
    return str(request.param) == "compiled"


@pytest.fixture(params=[uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def perform(
    request: pytest.FixtureRequest, tmp_path: Path, is_compiled: bool
) -> Callable[[Callable[[Hall], Coroutine[Any, Any, None]]], None]:
    """Return a function that runs a scenario with a hall, and closes the hall afterwards."""

    def run(scene: Callable[[Hall], Coroutine[Any, Any, None]]) -> None:
        async def whole() -> None:
            hall = Hall(tmp_path, is_compiled=is_compiled)
            try:
                await scene(hall)
            finally:
                await hall.close()

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(whole())

    return run


Perform = Callable[[Callable[[Hall], Coroutine[Any, Any, None]]], None]


def test_a_late_reader_still_gets_the_arrival_time_of_each_message(perform: Perform) -> None:
    async def scene(hall: Hall) -> None:
        await hall.let_in(5)
        for number in range(3):
            sends = []
            for end in hall.ends:
                before_ns = monotonic_ns()
                end.sendall(text(says(number)))
                sends.append((before_ns, monotonic_ns()))
            time.sleep(LATE_S)  # the loop is blocked on purpose
            receipts = await hall.receipts(5)
            assert len(receipts) == 5
            for member, at_ns in receipts:
                before_ns, after_ns = sends[member]
                assert before_ns - CLOCK_ERROR_NS <= at_ns <= after_ns + CLOCK_ERROR_NS
        assert hall.intervals == hall.at_first

    perform(scene)


def test_in_one_read_the_last_message_has_an_exact_time_and_the_others_an_interval(
    perform: Perform,
) -> None:
    async def scene(hall: Hall) -> None:
        await hall.let_in(1)
        (end,) = hall.ends
        end.sendall(text(says(0)))
        ((_, first_ns),) = await hall.receipts(1)
        sent_ns = monotonic_ns()
        for number in (1, 2, 3):
            before_ns = monotonic_ns()
            end.sendall(text(says(number)))
        after_ns = monotonic_ns()
        receipts = await hall.receipts(3)
        stamps = {at_ns for _, at_ns in receipts}
        assert len(stamps) == 1
        (at_ns,) = stamps
        assert before_ns - CLOCK_ERROR_NS <= at_ns <= after_ns + CLOCK_ERROR_NS
        after_ns, *rest, _ = hall.intervals[-1]
        assert rest == [at_ns, 2]
        assert first_ns <= after_ns <= sent_ns

    perform(scene)


def test_a_message_in_two_segments_has_the_time_of_the_second_segment(perform: Perform) -> None:
    async def scene(hall: Hall) -> None:
        await hall.let_in(1)
        (end,) = hall.ends
        frame = text(says(0))
        end.sendall(frame[:10])
        await until(lambda: not hall.connections[0].reader.is_between_frames)
        before_ns = monotonic_ns()
        end.sendall(frame[10:])
        ((_, at_ns),) = await hall.receipts(1)
        assert at_ns >= before_ns - CLOCK_ERROR_NS
        assert hall.intervals == hall.at_first

    perform(scene)


def test_a_complete_message_before_a_partial_one_has_an_interval(perform: Perform) -> None:
    async def scene(hall: Hall) -> None:
        await hall.let_in(1)
        hall.ends[0].sendall(text(says(0)) + text(says(1))[:10])
        ((_, at_ns),) = await hall.receipts(1)
        assert hall.intervals[-1][1:3] == (at_ns, 1)

    perform(scene)


def test_a_read_without_a_kernel_stamp_is_an_interval_up_to_the_read(perform: Perform) -> None:
    async def scene(hall: Hall) -> None:
        await hall.let_in(1)
        hall.ends[0].sendall(text(says(0)))
        ((_, last_ns),) = await hall.receipts(1)
        hall.connections[0].received_by(text(says(0)), last_ns + 500, last_ns + 500)
        assert await hall.receipts(1) == [(0, last_ns + 500)]
        assert hall.intervals[-1][1:3] == (last_ns + 500, 1)

    perform(scene)


def test_without_stamps_a_message_arrived_between_the_wake_of_the_loop_and_its_read(perform: Perform) -> None:
    async def scene(hall: Hall) -> None:
        await hall.let_in_by_unix_socket()
        for number in range(2):
            sent_ns = monotonic_ns()
            hall.ends[0].sendall(text(says(number)))
            ((_, at_ns),) = await hall.receipts(1)
            _, until_ns, messages, woke_ns = hall.intervals[-1]
            assert (until_ns, messages) == (at_ns, 1)
            assert woke_ns <= at_ns
            assert sent_ns <= at_ns <= monotonic_ns()

    perform(scene)


def test_a_clock_set_back_never_reorders_receipts(perform: Perform) -> None:
    async def scene(hall: Hall) -> None:
        await hall.let_in(1)
        hall.ends[0].sendall(text(says(0)))
        ((_, last_ns),) = await hall.receipts(1)
        hall.connections[0].received(text(says(0)), last_ns - 1_000_000, last_ns + 1)
        assert await hall.receipts(1) == [(0, last_ns)]

    perform(scene)


def test_a_frame_is_written_immediately_and_not_in_the_next_iteration(perform: Perform) -> None:
    async def scene(hall: Hall) -> None:
        await hall.let_in(1)
        (end,) = hall.ends
        end.settimeout(DEADLINE_S)
        while not end.recv(65536).endswith(b"\r\n\r\n"):
            pass
        hall.connections[0].send(b"frame")
        assert end.recv(100) == b"frame"

    perform(scene)


def test_a_publication_has_the_time_at_which_a_device_took_it(
    perform: Perform, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamps: list[int | None] = []

    def send_and_note(sock: socket.socket, data: bytes) -> tuple[int, int | None]:
        sent, wall_ns = send_stamped(sock, data)
        stamps.append(wall_ns)
        return sent, wall_ns

    monkeypatch.setattr("wsproof.load.worker.socket_transport.is_idle", lambda sock: True)
    monkeypatch.setattr("wsproof.load.worker.socket_transport.send_stamped", send_and_note)

    async def scene(hall: Hall) -> None:
        await hall.let_in(1)
        for is_due in (True, False, True):
            hall.poller.next_stamp_ns = 0 if is_due else monotonic_ns() + 60 * NS
            before_ns = monotonic_ns()
            sent_ns = hall.connections[0].send(b"frame")
            assert before_ns <= sent_ns <= monotonic_ns()
            if is_due:
                wall_ns = stamps.pop()
                assert wall_ns is None or sent_ns in (wall_ns - hall.room.clock.offset_ns, before_ns)
            assert stamps == []

    perform(scene)


def test_a_late_stamp_of_a_write_does_not_end_the_connection(perform: Perform, monkeypatch: pytest.MonkeyPatch) -> None:
    def send_and_leave_stamp(sock: socket.socket, data: bytes) -> tuple[int, int | None]:
        with monkeypatch.context() as patch:
            patch.setattr("wsproof.net.send_stamps._read_stamp", lambda sock: None)
            return send_stamped(sock, data)

    monkeypatch.setattr("wsproof.load.worker.socket_transport.is_idle", lambda sock: True)
    monkeypatch.setattr("wsproof.load.worker.socket_transport.send_stamped", send_and_leave_stamp)

    async def scene(hall: Hall) -> None:
        await hall.let_in(1)
        hall.connections[0].send(b"frame")
        for number in range(3):
            await asyncio.sleep(0)
            hall.ends[0].sendall(text(says(number)))
            assert len(await hall.receipts(1)) == 1
        assert hall.connections[0].can_send

    perform(scene)


def test_bytes_that_the_kernel_does_not_accept_are_sent_later_in_order(perform: Perform) -> None:
    async def scene(hall: Hall) -> None:
        await hall.let_in(1)
        (end,) = hall.ends
        connection = hall.connections[0]
        parts = [bytes([number]) * 1_000_000 for number in range(12)]
        for part in parts:
            connection.send(part)
        assert connection.unwritten_bytes > 0
        received, expected = bytearray(), b"".join(parts)
        end.setblocking(False)

        def read() -> bool:
            with suppress(BlockingIOError):
                received.extend(end.recv(1 << 20))
            return len(received) >= len(expected) and received.endswith(parts[-1])

        await until(read)
        assert received.endswith(expected)
        assert connection.unwritten_bytes == 0

    perform(scene)


def test_buffered_bytes_are_still_sent_when_the_connection_closes(perform: Perform) -> None:
    async def scene(hall: Hall) -> None:
        await hall.let_in(1)
        (end,) = hall.ends
        hall.connections[0].send(b"z" * 12_000_000)
        hall.connections[0].part()
        received_bytes = 0
        end.setblocking(False)

        def read() -> bool:
            nonlocal received_bytes
            try:
                data = end.recv(1 << 20)
            except BlockingIOError:
                return False
            received_bytes += len(data)
            return not data

        await until(read)
        assert received_bytes > 12_000_000

    perform(scene)


@pytest.mark.parametrize("by_reset", [False, True])
def test_the_end_of_the_stream_ends_the_member_after_its_last_message(perform: Perform, by_reset: bool) -> None:
    async def scene(hall: Hall) -> None:
        await hall.let_in(1)
        (end,) = hall.ends
        end.sendall(text(says(0)))
        if by_reset:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        else:
            end.recv(65536)  # with unread data, close would send RST
        end.close()
        await until(lambda: hall.room.members_open == 0)
        assert len(hall.room.recorder.unwritten_receipts()) == 3
        assert not hall.connections[0].can_send

    perform(scene)


def test_a_full_receive_buffer_is_noted(perform: Perform) -> None:
    async def scene(hall: Hall) -> None:
        await hall.let_in(1)
        (end,) = hall.ends
        end.setblocking(False)
        waiting = b"".join(text(says(number, "x" * 1_000)) for number in range(2_000))
        sent = 0
        with suppress(BlockingIOError):
            while True:  # until nothing more fits into the buffers of both sides
                sent += end.send(waiting[sent % len(waiting) :])
        await until(hall.room.recorder._queues.unwritten)
        _, queued, window = hall.room.recorder._queues.unwritten()[:3]
        assert queued >= 0.75 * window

    perform(scene)


@pytest.mark.parametrize("is_plain", [True, False], ids=["known", "new"])
def test_messages_in_pieces_of_any_size_are_recorded_once_and_in_order(perform: Perform, is_plain: bool) -> None:
    chance = random.Random(7)
    sizes = [0, 1, 60, 110, 125, 126, 127, 300, 5_000, 65_000, 66_000, 200_000]
    frames = [text(says(number, "x" * chance.choice(sizes))) for number in range(60)]

    async def scene(hall: Hall) -> None:
        await hall.let_in(3)
        if is_plain:
            for frame in frames:  # the first member has heard all, so they are known to the others
                hall.ends[0].sendall(frame)
                assert len(await hall.receipts(1)) == 1
        for member in (1, 2):
            order = [chance.choice(frames) for _ in range(100)]
            receipts = await hall.hear_in_pieces(member, b"".join(order), len(order), chance)
            assert [number for _, number, _ in receipts] == [hall.room.recorder.known[frame] for frame in order]
            stamps = [at_ns for _, _, at_ns in receipts]
            assert stamps == sorted(stamps)
            assert {receiver for receiver, _, _ in receipts} == {member}

    perform(scene)


def test_other_bytes_between_known_frames_are_read(perform: Perform) -> None:
    async def scene(hall: Hall) -> None:
        await hall.let_in(2)
        frame, ping, long = text(says(0)), Frame(Opcode.PING, b"?").encode(), says(1)
        pieces = Frame(Opcode.TEXT, long[:9], fin=False).encode()
        pieces += Frame(Opcode.CONTINUATION, long[9:]).encode()
        for end in hall.ends:
            end.settimeout(DEADLINE_S)
            while not end.recv(65536).endswith(b"\r\n\r\n"):
                pass
            end.sendall(frame)
            assert len(await hall.receipts(1)) == 1
            end.sendall(frame + ping + frame + pieces + frame[:5])
            assert len(await hall.receipts(3)) == 3
            end.sendall(frame[5:] + frame)
            assert len(await hall.receipts(2)) == 2
            assert end.recv(100)[:2] == b"\x8a\x81"  # the pong
        assert len(hall.room.recorder.kinds) == 2

    perform(scene)


def test_a_new_frame_that_is_not_utf8_is_noted_and_its_neighbours_are_received(perform: Perform) -> None:
    async def scene(hall: Hall) -> None:
        await hall.let_in(1)
        (end,) = hall.ends
        end.sendall(text(says(0)))
        assert len(await hall.receipts(1)) == 1
        end.sendall(text(says(1)) + Frame(Opcode.TEXT, b"\xff").encode() + text(says(2)))
        await until(lambda: text(says(2)) in hall.room.recorder.known)
        assert {text(says(number)) for number in range(3)} <= set(hall.room.recorder.known)
        assert any("text-utf8" in line for line in hall.room.recorder._journal._lines)

    perform(scene)


def test_known_frames_before_a_new_one_share_its_read_and_its_interval(perform: Perform) -> None:
    async def scene(hall: Hall) -> None:
        await hall.let_in(1)
        (end,) = hall.ends
        known, new = text(says(0)), text(says(1))
        end.sendall(known)
        ((_, first_ns),) = await hall.receipts(1)
        before = len(hall.intervals)
        end.sendall(known + known + new + known)
        receipts = await hall.receipts(4)
        (at_ns,) = {at_ns for _, at_ns in receipts}
        rows = hall.intervals[before:]
        assert {(after_ns, until_ns) for after_ns, until_ns, _, _ in rows} == {(first_ns, at_ns)}
        assert sum(messages for _, _, messages, _ in rows) == 3
        end.sendall(known)
        assert len(await hall.receipts(1)) == 1
        assert hall.intervals[before:] == rows

    perform(scene)


def test_what_a_full_read_of_the_compiled_reader_left_behind_arrived_after_the_read_before_it(
    perform: Perform,
) -> None:
    async def scene(hall: Hall) -> None:
        await hall.let_in(1)
        transport = hall.connections[0].transport
        if not isinstance(transport, CompiledTransport):
            return
        hall.ends[0].sendall(text(says(0)))
        ((_, last_ns),) = await hall.receipts(1)
        now_ns = monotonic_ns()
        wall_ns = now_ns + hall.room.clock.offset_ns
        assert transport.take(text(says(1)), wall_ns, now_ns, last_ns, is_full=True) == (last_ns, b"")
        assert transport.take(text(says(1)), wall_ns, now_ns, last_ns, is_full=False) == (now_ns, b"")

    perform(scene)


def test_a_member_read_by_other_code_in_between_continues_at_the_right_byte(perform: Perform) -> None:
    async def scene(hall: Hall) -> None:
        await hall.let_in(1)
        (end,), (connection,) = hall.ends, hall.connections
        frame = text(says(0))
        end.sendall(frame)
        assert len(await hall.receipts(1)) == 1
        end.sendall(frame + frame[:10])
        assert len(await hall.receipts(1)) == 1
        elsewhere: list[int] = []
        connection.set_receiver(lambda rows: elsewhere.extend(rows))
        end.sendall(frame[10:] + frame)
        await until(lambda: len(elsewhere) == 6)
        assert elsewhere[1::3] == [0, 0]

    perform(scene)
