"""Tests of signals from outside: no record is lost, and no process stays behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.load.conftest import Serve
from wsproof.load import load_history
from wsproof.load.files.worker_files import Records

SCRIPT = Path(__file__).with_name("interrupted.py")


@contextmanager
def running(port: int, columns: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(port), str(columns)], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def read_message(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    message: dict[str, Any] = json.loads(process.stdout.readline())
    return message


def ended(pids: list[int]) -> bool:
    """Return whether all of these processes end. Waits as long as a loaded machine may need."""
    processes = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(processes, timeout=90)
    return not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def test_an_interrupt_keeps_a_partial_history_and_ends_all_processes(serve: Serve, tmp_path: Path) -> None:
    with serve("fair") as endpoint, running(endpoint.port, tmp_path) as process:
        workers = read_message(process)["workers"]
        assert len(workers) == 2
        process.send_signal(signal.SIGINT)
        result = read_message(process)
        assert process.wait(90) == 0
        assert ended(workers)
    assert result["exit_code"] == 130
    assert len(load_history(tmp_path).receipts) == result["receipts"] > 50


def test_a_killed_parent_leaves_no_worker_and_keeps_the_columns(serve: Serve, tmp_path: Path) -> None:
    with serve("fair") as endpoint, running(endpoint.port, tmp_path) as process:
        workers = read_message(process)["workers"]
        process.kill()
        assert ended(workers)
    records = Records(tmp_path, 2)
    records.update()
    assert len(records.receipts()) > 50
