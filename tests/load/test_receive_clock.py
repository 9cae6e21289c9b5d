"""Tests that data read in one loop iteration gets the time at which the iteration began."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import uvloop

from tests.load.test_connection import ANSWER, KEY, says, text
from wsproof.load.worker.connection import BufferedConnection, Connection
from wsproof.load.worker.receive_clock import AS_THEY_COME, AT_ONCE_NS, AT_ONCE_PER_READ_NS, MOST_READS, ReceiveClock
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.load.worker.state import WorkerState
from wsproof.wire import Request
from wsproof.workloads import load_channels

Loop = Callable[[], asyncio.AbstractEventLoop]


class StoppedLoop(asyncio.SelectorEventLoop):
    """A loop whose iterations end when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.at_end: list[Callable[[], object]] = []

    def call_soon(self, callback: Callable[..., object], *args: object, **_: object) -> asyncio.Handle:
        self.at_end.append(callback)
        return asyncio.Handle(callback, args, self)

    def end_turn(self) -> None:
        for callback in self.at_end:
            callback()
        self.at_end.clear()


@pytest.fixture
def stopped() -> Iterator[StoppedLoop]:
    loop = StoppedLoop()
    yield loop
    loop.close()


class TestStamps:
    def test_all_reads_of_one_loop_iteration_have_the_time_of_the_first(self, stopped: StoppedLoop) -> None:
        receive_clock = ReceiveClock(stopped)
        assert [receive_clock.stamp(now) for now in (10, 20, 30)] == [10, 10, 10]

    def test_the_next_iteration_has_its_own_time(self, stopped: StoppedLoop) -> None:
        receive_clock = ReceiveClock(stopped)
        assert [receive_clock.stamp(now) for now in (10, 20, 30)] == [10, 10, 10]
        stopped.end_turn()
        assert [receive_clock.stamp(now) for now in (40, 50)] == [40, 40]

    def test_after_an_iteration_of_few_reads_some_are_stamped_individually(self, stopped: StoppedLoop) -> None:
        receive_clock = ReceiveClock(stopped)
        receive_clock.stamp(10)
        stopped.end_turn()
        assert [receive_clock.stamp(now) for now in range(20, 20 + AS_THEY_COME)] == list(range(20, 20 + AS_THEY_COME))
        assert not stopped.at_end
        assert [receive_clock.stamp(now) for now in (50, 60, 70)] == [50, 50, 50]
        stopped.end_turn()
        assert [receive_clock.stamp(now) for now in (80, 90)] == [80, 80]

    def test_reads_after_one_newer_than_the_iteration_are_not_stamped_earlier(self, stopped: StoppedLoop) -> None:
        receive_clock = ReceiveClock(stopped)
        receive_clock.stamp(10)
        receive_clock.advance(15)
        assert receive_clock.stamp(20) == 15

    def test_after_many_reads_each_has_its_own_time(self, stopped: StoppedLoop) -> None:
        receive_clock = ReceiveClock(stopped)
        stamps = [receive_clock.stamp(1 + read) for read in range(MOST_READS + 3)]
        assert set(stamps[: MOST_READS + 1]) == {1}
        assert stamps[MOST_READS + 1 :] == [MOST_READS + 2, MOST_READS + 3]
        stopped.end_turn()
        assert receive_clock.stamp(5_000) == 5_000
        assert receive_clock.stamp(6_000) == 5_000

    def test_without_a_loop_each_read_has_its_own_time(self) -> None:
        receive_clock = ReceiveClock()
        assert [receive_clock.stamp(now) for now in (10, 20)] == [10, 20]


class TestNotes:
    """Tests of the possible error of an iteration's stamps, on a clock that the test sets."""

    @pytest.fixture
    def notes(self) -> list[tuple[int, int, int]]:
        return []

    @pytest.fixture
    def receive_clock(self, stopped: StoppedLoop, notes: list[tuple[int, int, int]]) -> ReceiveClock:
        return ReceiveClock(stopped, notes.append)

    def play(
        self, receive_clock: ReceiveClock, stopped: StoppedLoop, reads: list[int], ends: int, clock: pytest.MonkeyPatch
    ) -> None:
        for now in reads:
            receive_clock.stamp(now)
        clock.setattr("wsproof.load.worker.receive_clock.monotonic_ns", lambda: ends)
        stopped.end_turn()

    def test_an_iteration_right_after_another_notes_the_longest_possible_wait(
        self,
        receive_clock: ReceiveClock,
        stopped: StoppedLoop,
        notes: list[tuple[int, int, int]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.play(receive_clock, stopped, [1_000_000, 1_010_000, 1_020_000], 1_100_000, monkeypatch)
        assert not notes
        self.play(receive_clock, stopped, [1_105_000, 1_110_000, 1_120_000], 1_130_000, monkeypatch)
        assert notes == [(1_105_000, 1_130_000, 105_000)]

    def test_an_iteration_that_the_loop_waited_for_is_exact(
        self,
        receive_clock: ReceiveClock,
        stopped: StoppedLoop,
        notes: list[tuple[int, int, int]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.play(receive_clock, stopped, [1_000_000, 1_010_000, 1_020_000], 1_100_000, monkeypatch)
        after = 1_100_000 + AT_ONCE_NS + 2 * AT_ONCE_PER_READ_NS + 1
        self.play(receive_clock, stopped, [after, after + 10_000, after + 20_000], after + 90_000, monkeypatch)
        assert not notes

    def test_short_iterations_are_not_noted(
        self,
        receive_clock: ReceiveClock,
        stopped: StoppedLoop,
        notes: list[tuple[int, int, int]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.play(receive_clock, stopped, [1_000_000, 1_010_000, 1_020_000], 1_030_000, monkeypatch)
        self.play(receive_clock, stopped, [1_031_000, 1_040_000, 1_045_000], 1_050_000, monkeypatch)
        assert not notes

    def test_a_long_iteration_with_individual_stamps_is_noted(
        self,
        receive_clock: ReceiveClock,
        stopped: StoppedLoop,
        notes: list[tuple[int, int, int]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        receive_clock.stamp(1_000_000)
        receive_clock.advance(1_000_000)
        self.play(receive_clock, stopped, [1_010_000, 1_020_000], 1_100_000, monkeypatch)
        assert notes == [(1_000_000, 1_100_000, 0)]

    def test_time_spent_in_timers_counts_as_part_of_the_iteration(
        self,
        receive_clock: ReceiveClock,
        stopped: StoppedLoop,
        notes: list[tuple[int, int, int]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        receive_clock.begin(1_000_000)
        self.play(receive_clock, stopped, [], 1_200_000, monkeypatch)
        receive_clock.begin(1_210_000)
        self.play(receive_clock, stopped, [1_215_000], 1_220_000, monkeypatch)
        assert notes == [(1_210_000, 1_220_000, 210_000)]


class Hall:
    """Connected members on real sockets, and a way to send to them."""

    def __init__(self, folder: Path) -> None:
        self.room = WorkerState(
            WorkerRecorder(folder, 0, load_channels("tutorial")["chat"]), loop=asyncio.get_running_loop()
        )
        self._ends: list[socket.socket] = []
        self._stack = ExitStack()

    async def let_in(self, count: int, kind: type[Connection]) -> None:
        loop = asyncio.get_running_loop()
        for member in range(count):
            ours, theirs = socket.socketpair()
            self._ends.append(self._stack.enter_context(theirs))
            opened: asyncio.Future[str | None] = loop.create_future()
            connection = kind(member, Request("localhost", "/ws/1", KEY), self.room, opened)
            await loop.create_connection(lambda connection=connection: connection, sock=ours)  # type: ignore[misc]
            theirs.sendall(ANSWER)
            assert await opened is None
            self.room.enter(connection)

    def send_to_all(self, data: bytes) -> None:
        """Send to all members before the loop's next iteration."""
        for end in self._ends:
            end.sendall(data)

    async def receipts(self, count: int) -> list[tuple[int, int]]:
        """Return the next `count` receipts: the member, and the stamp."""
        rows = self.room.recorder.rows
        async with asyncio.timeout(90):
            while len(rows) < 3 * count:
                await asyncio.sleep(0)
        found = list(zip(rows[::3], rows[2::3], strict=True))
        rows.clear()
        return found

    def close(self) -> None:
        for connection in self.room.members.values():
            connection.abort()
        self._stack.close()
        self.room.recorder.close()


@pytest.mark.parametrize(
    ("loop", "kind"),
    [(uvloop.new_event_loop, Connection), (asyncio.new_event_loop, BufferedConnection)],
    ids=["uvloop", "asyncio"],
)
class TestOnALoop:
    def test_a_broadcast_that_is_ready_on_all_sockets_has_one_stamp(
        self, loop: Loop, kind: type[Connection], tmp_path: Path
    ) -> None:
        async def perform() -> None:
            hall = Hall(tmp_path)
            await hall.let_in(5, kind)
            hall.send_to_all(text(says(1)))
            first = await hall.receipts(5)
            hall.send_to_all(text(says(2)))
            second = await hall.receipts(5)
            hall.close()
            for receipts in (first, second):
                assert sorted(member for member, _ in receipts) == list(range(5))
                assert len({stamp for _, stamp in receipts}) == 1
            assert first[0][1] < second[0][1]

        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(perform())

    def test_in_a_read_of_several_messages_later_ones_have_the_time_of_their_own_read(
        self, loop: Loop, kind: type[Connection], tmp_path: Path
    ) -> None:
        async def perform() -> list[tuple[int, int]]:
            hall = Hall(tmp_path)
            await hall.let_in(3, kind)
            hall.send_to_all(text(says(1)) + text(says(2)))
            receipts = await hall.receipts(6)
            hall.close()
            return receipts

        with asyncio.Runner(loop_factory=loop) as runner:
            receipts = runner.run(perform())
        stamps = [stamp for _, stamp in receipts]
        assert stamps == sorted(stamps)
        # The second message of each read gets the time of its own read, and no later stamp is earlier.
        assert len({stamps[1], stamps[3], stamps[5]}) == 3
        assert stamps[2] == stamps[1]
        assert stamps[4] == stamps[3]
