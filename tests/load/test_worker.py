"""Tests of the end of a worker's window."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wsproof.load.files.columns import Tail
from wsproof.load.worker import process as worker_module
from wsproof.load.worker.process import LAST_MOMENT_NS, Worker
from wsproof.load.worker_config import WorkerConfig
from wsproof.model.plan import Phase, Plan
from wsproof.net.clock import now_ns
from wsproof.net.endpoint import Endpoint

SentMessages = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> SentMessages:
    messages: SentMessages = []
    monkeypatch.setattr(worker_module, "send_to_parent", lambda kind, **details: messages.append((kind, details)))
    return messages


@contextmanager
def worker_at_work(folder: Path) -> Iterator[tuple[Worker, asyncio.AbstractEventLoop]]:
    loop = asyncio.new_event_loop()
    try:
        worker = Worker(
            WorkerConfig(Plan(subscribers=1), "tutorial", Endpoint("127.0.0.1", 9), folder), loop, "asyncio"
        )
        yield worker, loop
        worker.on_finish()
    finally:
        loop.close()


def start(worker: Worker, times: list[int]) -> None:
    """Start a schedule that is already over, as if the generator had been blocked."""
    count = len(times)
    phases = np.full(count, Phase.MEASURED, np.int8)
    worker._pacer.start(np.array(times, np.int64), np.zeros(count, np.int32), phases)


def test_late_publications_are_counted_and_sent_before_the_drain_begins(tmp_path: Path, sent: SentMessages) -> None:
    with worker_at_work(tmp_path) as (worker, _):
        end_ns = now_ns() - 1
        start(worker, [end_ns - 5 * LAST_MOMENT_NS - number for number in (3, 2, 1)] + [end_ns - 10])
        worker._on_window_end(end_ns)
        # The drain reads the files when the window ends, and does not wait for later publications.
        assert len(Tail(tmp_path, 0, "publications").read()) == 4
        assert sent[-1] == ("window-over", {"unsent": 3})


def test_a_timer_that_fires_early_does_not_end_the_window_early(tmp_path: Path, sent: SentMessages) -> None:
    with worker_at_work(tmp_path) as (worker, loop):
        end_ns = now_ns() + 20_000_000
        worker._on_window_end(end_ns)
        assert sent == []
        while not sent:
            loop.run_until_complete(asyncio.sleep(0.001))
        assert now_ns() >= end_ns
        assert sent == [("window-over", {"unsent": 0})]


def test_a_worker_process_does_not_import_what_only_its_parent_needs() -> None:
    """These imports took more CPU time than the rest of the start of a worker."""
    code = "import sys, wsproof.load.worker.process; print({'psutil', 'wsproof.load.run'} & sys.modules.keys())"
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert completed.stdout == "set()\n"
