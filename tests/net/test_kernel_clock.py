"""Tests of receive times from the kernel: exact for late reads, on clocks that the test sets."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from time import monotonic_ns

import pytest

from wsproof.net.kernel_clock import (
    ANCILLARY_BYTES,
    READINGS,
    STEP_NS,
    ClockStep,
    KernelClock,
    does_kernel_stamp,
    request_stamps,
)

NS = 1_000_000_000
CLOCK_ERROR_NS = 1_000
"""Tolerance for the difference of two clocks."""


class Clocks:
    """A wall clock and a monotonic clock. Each reading of the latter takes `reading_ns`."""

    def __init__(self) -> None:
        self.now_ns, self.offset_ns = 5 * NS, 1_700_000_000 * NS
        self.reading_ns = [20]

    def monotonic(self) -> int:
        self.now_ns += self.reading_ns[0] if len(self.reading_ns) == 1 else self.reading_ns.pop(0)
        return self.now_ns

    def wall(self) -> int:
        return self.now_ns + self.offset_ns


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def clock(clocks: Clocks) -> KernelClock:
    return KernelClock(clocks.wall, clocks.monotonic)


def stamped(wall_ns: int) -> list[tuple[int, int, bytes]]:
    return [(socket.SOL_SOCKET, 35, struct.pack("@ll", wall_ns // NS, wall_ns % NS))]


class TestConversion:
    def test_a_stamp_is_converted_to_the_monotonic_clock(self, clock: KernelClock, clocks: Clocks) -> None:
        at_ns = clock.monotonic_ns(stamped(3 * NS + 7 + clocks.offset_ns), 4 * NS)
        assert at_ns == pytest.approx(3 * NS + 7, abs=20)

    def test_a_read_without_a_stamp_has_no_time(self, clock: KernelClock) -> None:
        assert clock.monotonic_ns([], 4 * NS) is None

    def test_the_shortest_of_several_readings_determines_the_offset(self, clocks: Clocks) -> None:
        slow, quick = [100, 5_000_000], [100, 40]
        clocks.reading_ns = slow + quick + slow * (READINGS - 2) + [20]
        assert abs(KernelClock(clocks.wall, clocks.monotonic).offset_ns - clocks.offset_ns) <= 20

    def test_a_shorter_reading_makes_the_offset_more_exact(self, clocks: Clocks) -> None:
        clocks.reading_ns = [900]
        clock = KernelClock(clocks.wall, clocks.monotonic)
        clocks.reading_ns = [2]
        clock.check()
        assert abs(clock.offset_ns - clocks.offset_ns) <= 1
        assert clock.steps == []


class TestSteps:
    @pytest.mark.parametrize("by_ns", [2 * STEP_NS, -2 * STEP_NS, 3600 * NS, -3600 * NS])
    def test_a_step_is_recorded_with_the_interval_in_which_it_happened(
        self, clock: KernelClock, clocks: Clocks, by_ns: int
    ) -> None:
        before_ns = clocks.now_ns
        clocks.now_ns += NS
        clocks.offset_ns += by_ns
        clock.check()
        assert clock.steps == [ClockStep(before_ns, clocks.now_ns, by_ns)]
        assert abs(clock.offset_ns - clocks.offset_ns) <= 20
        clock.check()
        assert len(clock.steps) == 1

    def test_a_clock_that_nobody_sets_has_no_steps(self, clock: KernelClock, clocks: Clocks) -> None:
        for _ in range(100):
            clocks.now_ns += NS
            clock.check()
        assert clock.steps == []

    def test_a_slow_reading_is_no_step(self, clock: KernelClock, clocks: Clocks) -> None:
        clocks.reading_ns = [2_000_000] * (2 * READINGS) + [20]
        clock.check()
        assert clock.steps == []

    def test_a_stamp_from_the_future_is_rejected_and_the_step_is_recorded_at_once(
        self, clock: KernelClock, clocks: Clocks
    ) -> None:
        clocks.offset_ns += 10 * NS
        now_ns = clocks.now_ns
        assert clock.monotonic_ns(stamped(now_ns - 100 + clocks.offset_ns), now_ns) is None
        assert [step.by_ns for step in clock.steps] == [10 * NS]
        assert clock.monotonic_ns(stamped(now_ns - 100 + clocks.offset_ns), now_ns) == pytest.approx(now_ns, abs=120)


@pytest.fixture
def tcp() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        if not request_stamps(client):
            pytest.skip("this system does not stamp received data")
        client.connect(listener.getsockname())
        server, _ = listener.accept()
        with server:
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield client, server


class TestSockets:
    def test_the_arrival_time_lies_within_the_send_although_the_reader_is_late(
        self, tcp: tuple[socket.socket, socket.socket]
    ) -> None:
        client, server = tcp
        clock = KernelClock()
        for _ in range(5):
            before_ns = monotonic_ns()
            server.send(b"x")
            after_ns = monotonic_ns()
            time.sleep(0.005)  # late on purpose
            _, ancillary, _, _ = client.recvmsg(10, ANCILLARY_BYTES)
            at_ns = clock.monotonic_ns(ancillary, monotonic_ns())
            assert at_ns is not None
            assert before_ns - CLOCK_ERROR_NS <= at_ns <= after_ns + CLOCK_ERROR_NS

    def test_a_read_of_several_messages_has_the_stamp_of_the_last_one(
        self, tcp: tuple[socket.socket, socket.socket]
    ) -> None:
        client, server = tcp
        server.send(b"x")
        time.sleep(0.002)
        before_ns = monotonic_ns()
        server.send(b"y")
        data, ancillary, _, _ = client.recvmsg(10, ANCILLARY_BYTES)
        at_ns = KernelClock().monotonic_ns(ancillary, monotonic_ns())
        assert data == b"xy"
        assert at_ns is not None
        assert at_ns >= before_ns - CLOCK_ERROR_NS

    def test_unix_sockets_are_not_stamped(self) -> None:
        client, server = socket.socketpair()
        with client, server:
            assert not request_stamps(client)

    def test_a_kernel_that_refuses_receive_stamps_is_asked_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        does_kernel_stamp.cache_clear()
        monkeypatch.setattr("wsproof.net.kernel_clock.SO_TIMESTAMPNS", 0x7FFF)
        with socket.socket() as client:
            assert not request_stamps(client)
        does_kernel_stamp.cache_clear()

    def test_a_system_without_receive_stamps_is_detected(self, monkeypatch: pytest.MonkeyPatch) -> None:
        does_kernel_stamp.cache_clear()
        monkeypatch.setattr("sys.platform", "darwin")
        assert not does_kernel_stamp()
        does_kernel_stamp.cache_clear()
