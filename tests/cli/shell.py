"""`wsproof` as a person runs it: a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 300.0


@dataclass(frozen=True)
class Said:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


def command(words: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "wsproof.cli", *words]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "harness"), "NO_COLOR": "1", "COLUMNS": "200"}


def wsproof(*words: str, cwd: Path = ROOT) -> Said:
    """Run a command to its end."""
    done = subprocess.run(
        command(words), cwd=cwd, env=environment(), capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    return Said(done.returncode, done.stdout, done.stderr)


@contextmanager
def running(*words: str, cwd: Path = ROOT) -> Iterator[subprocess.Popen[str]]:
    """Run a command and do something meanwhile; ended on the way out."""
    child = subprocess.Popen(
        command(words), cwd=cwd, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.terminate()
        child.communicate(timeout=DEADLINE)


def read_until(child: subprocess.Popen[str], word: str) -> list[str]:
    """The child's output lines up to one that holds `word`."""
    assert child.stdout is not None
    lines: list[str] = []
    for line in child.stdout:
        lines.append(line)
        if word in line:
            return lines
    raise AssertionError(f"never said {word!r}: {''.join(lines)}")


def only_run(out: Path) -> dict[str, Any]:
    """The record of the one run that was kept below `out`."""
    records = list((out / "runs").glob("*/run.json"))
    assert len(records) == 1
    record: dict[str, Any] = json.loads(records[0].read_text(encoding="utf-8"))
    return record
