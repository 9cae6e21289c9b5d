"""Tests of the pacer on its own loop: publications leave in order, and never early."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest

from wsproof.load.files.worker_files import Records
from wsproof.load.worker.pacer import NEVER, Pacer, Publisher
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.load.worker.timer import FdTimer, LoopTimer, Timer, best_timer
from wsproof.model.history import Outcome
from wsproof.model.plan import Phase
from wsproof.net.clock import now_ns
from wsproof.workloads import load_channels


def pacer_on(loop: asyncio.AbstractEventLoop, folder: Path) -> tuple[Pacer, WorkerRecorder]:
    """Return a pacer whose publishers have no connections, so each publication is recorded as failed."""
    workload = load_channels("tutorial")["chat"]
    recorder = WorkerRecorder(folder, 0, workload)
    return Pacer(loop, Publisher(workload, recorder, repeat(120), {}), lambda due_ns: None), recorder


def start(pacer: Pacer, times: list[int]) -> None:
    count = len(times)
    pacer.start(
        np.array(times, np.int64), np.arange(count, dtype=np.int32) % 2, np.full(count, Phase.MEASURED, np.int8)
    )


def test_publications_without_a_connection_fail_and_are_numbered_per_publisher(tmp_path: Path) -> None:
    async def run() -> None:
        pacer, recorder = pacer_on(asyncio.get_running_loop(), tmp_path)
        begin = now_ns()
        times = [begin + step * 2_000_000 for step in range(6)]
        start(pacer, times)
        async with asyncio.timeout(90):
            while pacer.due_ns != NEVER:
                await asyncio.sleep(0.001)
        pacer.close()
        recorder.close()
        records = Records(tmp_path, 1)
        records.update()
        rows = records.publications()
        assert rows[:, 0].tolist() == [0, 0, 0, 1, 1, 1]
        assert rows[:, 1].tolist() == [0, 1, 2, 0, 1, 2]
        assert sorted(rows[:, 2].tolist()) == times
        assert set(rows[:, 3].tolist()) == {0}
        assert set(rows[:, 5].tolist()) == {Outcome.FAILED}

    asyncio.run(run())


def test_publications_due_in_the_window_but_unsent_are_counted(tmp_path: Path) -> None:
    async def run() -> None:
        pacer, recorder = pacer_on(asyncio.get_running_loop(), tmp_path)
        later = now_ns() + 3_600_000_000_000
        start(pacer, [later, later + 1, later + 2])
        assert pacer.unsent(later + 2) == 2
        assert pacer.unsent(later) == 0
        pacer.close()
        recorder.close()

    asyncio.run(run())


TIMERS = [best_timer, LoopTimer, *([FdTimer] if sys.platform == "linux" else [])]


@pytest.mark.parametrize("make", TIMERS)
def test_a_timer_fires_once_and_not_early(
    make: Callable[[asyncio.AbstractEventLoop, Callable[[], None]], Timer],
) -> None:
    async def run() -> None:
        rung: list[int] = []
        done = asyncio.Event()

        def ring() -> None:
            rung.append(now_ns())
            done.set()

        timer = make(asyncio.get_running_loop(), ring)
        timer.arm(now_ns() + 3_600_000_000_000)
        at_ns = now_ns() + 5_000_000
        timer.arm(at_ns)
        async with asyncio.timeout(90):
            await done.wait()
        # The loop's clock has a limited resolution.
        assert rung[0] >= at_ns - 1_000_000
        await asyncio.sleep(0)
        assert len(rung) == 1
        timer.close()

    asyncio.run(run())
