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

# Does what it is told, line by line, and says when it is done.
_WORKER = """
import os, subprocess, sys
kept = []
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
        self._said()

    def do(self, line: str) -> None:
        """Run a line of Python, and wait for its end."""
        self.tell(line)
        self._said()

    def tell(self, line: str) -> None:
        """Start a line of Python."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def _said(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline()


@contextmanager
def worker() -> Iterator[Worker]:
    """Run a worker for the duration of the block."""
    one = Worker()
    try:
        yield one
    finally:
        one.process.communicate()


def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition is true."""
    deadline = Deadline.after(90)
    while not condition():
        assert not deadline.passed
        time.sleep(0.005)


def told(value: int | None) -> int:
    """Return a value of a live process, which must not be None."""
    assert value is not None
    return value


def test_descriptors_are_counted_exactly() -> None:
    with worker() as one:
        meter = TreeMeter(one.process.pid)
        before = told(meter.fds())
        one.do("kept += [os.dup(0) for _ in range(7)]")
        assert meter.fds() == before + 7


@pytest.mark.skipif(sys.platform != "linux", reason="what is private is told on Linux only")
def test_allocated_memory_and_the_peak_are_reported() -> None:
    with worker() as one:
        meter = TreeMeter(one.process.pid)
        meter.forget_peak()
        before, resident = told(meter.private_bytes()), told(meter.memory_bytes())
        one.do("block = b'x' * 50_000_000")
        during = told(meter.private_bytes())
        one.do("del block")
        after, peak = told(meter.private_bytes()), told(meter.peak_bytes())
        assert during - before >= 50_000_000
        assert after - before < 25_000_000
        assert peak - resident >= 49_000_000


def test_the_usage_of_an_ended_child_stays_in_the_sum() -> None:
    with worker() as one:
        meter = TreeMeter(one.process.pid)
        loop = "for line in __import__('sys').stdin: sum(range(20_000_000)); print(1, flush=True)"
        pipes = "stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True"
        one.do(f"child = subprocess.Popen([sys.executable, '-c', {loop!r}], {pipes})")
        one.do("child.stdin.write('go' + chr(10)); child.stdin.flush(); child.stdout.readline()")
        with_child = told(meter.cpu_ns())
        one.do("child.communicate()")
        assert with_child > 50_000_000
        assert told(meter.cpu_ns()) >= with_child


@pytest.mark.skipif(sys.platform != "linux", reason="who waits for a processor is told on Linux only")
def test_a_process_that_waits_for_a_core_is_distinguished_from_an_idle_one() -> None:
    with worker() as one, worker() as other:
        meter = TreeMeter(one.process.pid)
        until(lambda: meter.wants_processor() is False)  # it has just answered, and now waits for input
        before = told(meter.queued_ns())
        for each in (one, other):
            os.sched_setaffinity(each.process.pid, {min(os.sched_getaffinity(0))})  # one processor for both
            each.tell("while True: pass")
        until(lambda: told(meter.queued_ns()) > before + 100_000_000)
        assert meter.wants_processor() is True
        for each in (one, other):
            each.process.kill()


def test_an_ended_process_uses_nothing() -> None:
    with worker() as one:
        pid = one.process.pid
    meter = TreeMeter(pid)
    assert meter.usage() is None
    assert meter.private_bytes() is None


def test_this_process_is_measured_as_a_whole() -> None:
    usage = TreeMeter(os.getpid()).usage()
    assert usage is not None
    assert usage.memory_bytes > 0
    assert usage.cpu_ns > 0
