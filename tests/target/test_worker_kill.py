"""Tests that a worker of a server is killed only if the server has others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import psutil
import pytest

from wsproof.target.process import ServerProcess


@dataclass(eq=False)
class Worker:
    pid: int
    is_killed: bool = False

    def kill(self) -> None:
        self.is_killed = True


def with_workers(monkeypatch: pytest.MonkeyPatch, *workers: Worker) -> ServerProcess:
    process = ServerProcess.__new__(ServerProcess)
    monkeypatch.setattr(process, "_workers", lambda port: cast(set[psutil.Process], set(workers)), raising=False)
    return process


def test_the_newest_of_several_workers_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = Worker(10), Worker(11)
    assert with_workers(monkeypatch, old, new).kill_worker(8000)
    assert (old.is_killed, new.is_killed) == (False, True)


def test_the_only_worker_is_not_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    only = Worker(10)
    assert not with_workers(monkeypatch, only).kill_worker(8000)
    assert not only.is_killed
