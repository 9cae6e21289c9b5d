"""Tests of the resource usage of a process tree, measured from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from wsproof.machine.usage import TreeMeter
from wsproof.net.clock import Deadline

# This program runs each line that it reads, and then writes a line.
_WORKER = """
import os, subprocess, sys
objects = []
print("ready", flush=True)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""


class Worker:
    """A process that runs the Python code that it receives."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", _WORKER]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._wait_for_answer()

    def do(self, line: str) -> None:
        """Run a line of Python, and wait for its end."""
        self.start(line)
        self._wait_for_answer()

    def start(self, line: str) -> None:
        """Start a line of Python."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def _wait_for_answer(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline()


@contextmanager
def worker() -> Iterator[Worker]:
    """Run a worker for the duration of the block."""
    process = Worker()
    try:
        yield process
    finally:
        process.process.communicate()


def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition is true."""
    deadline = Deadline.after(90)
    while not condition():
        assert not deadline.passed
        time.sleep(0.005)


def present(value: int | None) -> int:
    """Return a value of a live process, which must not be None."""
    assert value is not None
    return value


def test_descriptors_are_counted_exactly() -> None:
    with worker() as child:
        meter = TreeMeter(child.process.pid)
        before = present(meter.fds())
        child.do("objects += [os.dup(0) for _ in range(7)]")
        assert meter.fds() == before + 7


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports the private memory")
def test_allocated_memory_and_the_peak_are_reported() -> None:
    with worker() as child:
        meter = TreeMeter(child.process.pid)
        meter.forget_peak()
        before, resident = present(meter.private_bytes()), present(meter.memory_bytes())
        child.do("block = b'x' * 50_000_000")
        during = present(meter.private_bytes())
        child.do("del block")
        after, peak = present(meter.private_bytes()), present(meter.peak_bytes())
        assert during - before >= 50_000_000
        assert after - before < 25_000_000
        assert peak - resident >= 49_000_000


def test_the_sum_keeps_the_usage_of_a_child_that_has_ended() -> None:
    with worker() as child:
        meter = TreeMeter(child.process.pid)
        loop = "for line in __import__('sys').stdin: sum(range(20_000_000)); print(1, flush=True)"
        pipes = "stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True"
        child.do(f"child = subprocess.Popen([sys.executable, '-c', {loop!r}], {pipes})")
        child.do("child.stdin.write('go' + chr(10)); child.stdin.flush(); child.stdout.readline()")
        with_child = present(meter.cpu_ns())
        child.do("child.communicate()")
        assert with_child > 50_000_000
        assert present(meter.cpu_ns()) >= with_child


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports the time in the run queue")
def test_a_process_that_waits_for_a_core_is_distinguished_from_an_idle_one() -> None:
    with worker() as child, worker() as competitor:
        meter = TreeMeter(child.process.pid)
        until(lambda: meter.wants_processor() is False)  # The worker has just answered and now waits for input.
        before = present(meter.queued_ns())
        for each in (child, competitor):
            os.sched_setaffinity(each.process.pid, {min(os.sched_getaffinity(0))})  # Both share one core.
            each.start("while True: pass")
        until(lambda: present(meter.queued_ns()) > before + 100_000_000)
        assert meter.wants_processor() is True
        for each in (child, competitor):
            each.process.kill()


def test_a_process_that_has_ended_uses_nothing() -> None:
    with worker() as child:
        pid = child.process.pid
    meter = TreeMeter(pid)
    assert meter.usage() is None
    assert meter.private_bytes() is None


def test_this_process_is_measured_as_a_whole() -> None:
    usage = TreeMeter(os.getpid()).usage()
    assert usage is not None
    assert usage.memory_bytes > 0
    assert usage.cpu_ns > 0
