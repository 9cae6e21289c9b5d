"""Tests of Ctrl-C and SIGTERM during a run: its records are kept, and its server has ended."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import pytest

from tests.cli.shell import DEADLINE, only_run, read_until, running
from wsproof.errors import ExitCode

BENCH = ("bench", "--subscribers", "20", "--duration", "60", "--warmup", "0.5")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (signal.SIGINT, ExitCode.INTERRUPTED),
        pytest.param(signal.SIGTERM, ExitCode.TERMINATED, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, ExitCode.TERMINATED, marks=pytest.mark.slow),
    ],
)
def test_a_bench_that_is_stopped_keeps_its_partial_record(
    tmp_path: Path, asked: signal.Signals, code: ExitCode
) -> None:
    with running(*BENCH, "--out", str(tmp_path)) as child:
        read_until(child, "measure")
        family = psutil.Process(child.pid).children(recursive=True)
        assert family
        child.send_signal(asked)
        out, err = child.communicate(timeout=DEADLINE)
    assert child.returncode == code, err
    assert "Traceback" not in err
    assert "partial record kept" in out
    record = only_run(tmp_path)
    assert record["complete"] is False
    assert record["verdict"] == "unknown"
    assert record["metrics"]["latency"]["n"] >= 0
    _, alive = psutil.wait_procs(family, timeout=DEADLINE)
    assert not alive


def test_serve_ends_with_success_on_an_interrupt(tmp_path: Path) -> None:
    with running("serve") as child:
        read_until(child, "ws://127.0.0.1")
        family = psutil.Process(child.pid).children(recursive=True)
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=DEADLINE)
    assert child.returncode == ExitCode.OK
    _, alive = psutil.wait_procs(family, timeout=DEADLINE)
    assert not alive
