"""Runs `wsproof` as a user does, in a separate process."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 300.0
FORK_SERVER = Path(__file__).with_name("fork_server.py")


@dataclass(frozen=True)
class Said:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str


def command(words: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "wsproof.cli", *words]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "harness"), "NO_COLOR": "1", "COLUMNS": "200"}


class ForkServer:
    """The process that forks one process per command (see fork_server.py)."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", FORK_SERVER],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # so that an answer that is there is seen by select
        )
        self._folder = TemporaryDirectory()
        self._out, self._err = (Path(self._folder.name) / name for name in ("out", "err"))
        atexit.register(self.close)

    def run(self, words: Sequence[str], cwd: Path) -> Said:
        """Run a command to its end."""
        self._out.write_bytes(b"")
        self._err.write_bytes(b"")
        files = {"out": str(self._out), "err": str(self._err)}
        command = json.dumps({"words": words, "cwd": str(cwd), "env": environment(), **files})
        assert self._process.stdin is not None
        self._process.stdin.write(command.encode() + b"\n")
        pid = self._answer()
        try:
            code = self._answer()
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            self._answer()
            raise
        return Said(code, self._out.read_text(), self._err.read_text())

    def _answer(self) -> int:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], DEADLINE)[0]:
            raise TimeoutError(f"no end within {DEADLINE:g} s:\n{self._out.read_text()}\n{self._err.read_text()}")
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()
        self._folder.cleanup()


@cache
def fork_server() -> ForkServer:
    return ForkServer()


def wsproof(*words: str, cwd: Path = ROOT) -> Said:
    """Run a command to its end, in a process of its own."""
    return fork_server().run(words, cwd)


@contextmanager
def running(*words: str, cwd: Path = ROOT) -> Iterator[subprocess.Popen[str]]:
    """Start a command and yield its process; stop it at the end of the block."""
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
    """Return the child's output lines up to one that contains `word`."""
    assert child.stdout is not None
    lines: list[str] = []
    for line in child.stdout:
        lines.append(line)
        if word in line:
            return lines
    raise AssertionError(f"never said {word!r}: {''.join(lines)}")


def only_run(out: Path) -> dict[str, Any]:
    """Return the record of the only run that is stored below `out`."""
    records = list((out / "runs").glob("*/run.json"))
    assert len(records) == 1
    record: dict[str, Any] = json.loads(records[0].read_text(encoding="utf-8"))
    return record
