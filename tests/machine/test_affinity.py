"""Tests of the available cores and of CPU affinity."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wsproof.machine import affinity
from wsproof.machine.affinity import CAN_PIN, cores_quota, count_cores, own_cores, pin

ON_SOME = pytest.mark.skipif(not CAN_PIN or len(own_cores()) < 2, reason="needs two cores, and Linux")
THREADS = "import sys, threading; threading.Thread(target=sys.stdin.read).start(); print('up', flush=True)"


@pytest.fixture
def control_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a container's tree of control groups, in which this process is in `a/b`."""
    (tmp_path / "self").write_text("1:cpu:/x\n0::/a/b\n")
    (tmp_path / "groups" / "a" / "b").mkdir(parents=True)
    monkeypatch.setattr(affinity, "_CGROUP", tmp_path / "self")
    monkeypatch.setattr(affinity, "_CGROUPS", tmp_path / "groups")
    return tmp_path / "groups"


def test_the_smallest_quota_of_the_parent_groups_counts(control_groups: Path) -> None:
    assert cores_quota() is None
    (control_groups / "a" / "b" / "cpu.max").write_text("max 100000\n")
    assert cores_quota() is None
    (control_groups / "cpu.max").write_text("400000 100000\n")
    (control_groups / "a" / "cpu.max").write_text("150000 100000\n")
    assert cores_quota() == 1.5


def test_a_quota_leaves_at_least_one_core(control_groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(affinity, "own_cores", lambda: (0, 1, 2, 3))
    assert count_cores() == 4
    for quota, expected in (("250000", 2), ("50000", 1), ("900000", 4)):
        (control_groups / "a" / "cpu.max").write_text(f"{quota} 100000\n")
        assert count_cores() == expected


def test_without_control_groups_there_is_no_quota(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(affinity, "_CGROUP", tmp_path / "nothing")
    assert cores_quota() is None


@pytest.fixture
def two_threads() -> Iterator[int]:
    """Yield the id of a process with two threads."""
    process = subprocess.Popen([sys.executable, "-c", THREADS], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()
    yield process.pid
    process.stdin.close()
    process.stdout.close()
    process.wait(90)


def affinities(pid: int) -> list[set[int]]:
    return [os.sched_getaffinity(int(task.name)) for task in Path(f"/proc/{pid}/task").iterdir()]


@ON_SOME
def test_all_threads_of_a_process_are_pinned(two_threads: int) -> None:
    cores = own_cores()
    assert pin(two_threads, cores[:1], instead_of=cores)
    assert affinities(two_threads) == [{cores[0]}] * 2
    assert pin(two_threads, cores, instead_of=cores[:1])
    assert affinities(two_threads) == [set(cores)] * 2


@ON_SOME
def test_a_process_with_its_own_affinity_keeps_it(two_threads: int) -> None:
    cores = own_cores()
    os.sched_setaffinity(two_threads, cores[-1:])  # This pins only the first thread.
    assert not pin(two_threads, cores[:1], instead_of=cores)
    assert sorted(affinities(two_threads), key=min) == [{cores[0]}, {cores[-1]}]


def test_a_process_that_has_ended_is_not_pinned() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(90)
    assert pin(process.pid, own_cores()[:1], instead_of=own_cores())
