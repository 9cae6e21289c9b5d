"""Runs `wsproof` as a user does, in a separate process."""

from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import TimeoutExpired
from tempfile import TemporaryFile
from typing import IO, Any

from tests.forked import ROOT, ForkServer

DEADLINE = 300.0
FORK_SERVER = ForkServer(
    [
        "tests.compiled_templates",
        "tests.known_interpreter",
        *(
            f"wsproof.{package}.{module.name}"
            for package in ("cli", "session")
            for module in pkgutil.iter_modules([str(ROOT / "harness" / "wsproof" / package)])
            if module.name != "__main__"
        ),
    ]
)


@dataclass(frozen=True)
class CommandResult:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str


def command(words: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "wsproof.cli", *words]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "harness"), "NO_COLOR": "1", "COLUMNS": "200"}


def wsproof(*words: str, cwd: Path = ROOT) -> CommandResult:
    """Run a command to its end, in a process of its own."""
    with TemporaryFile() as out, TemporaryFile() as err:
        process = FORK_SERVER.fork(["wsproof.cli", *words], environment(), out, err, cwd)
        try:
            code = process.wait(DEADLINE)
        except TimeoutExpired:
            process.kill()
            process.wait()
            raise TimeoutError(f"no end within {DEADLINE:g} s:\n{_text(out)}\n{_text(err)}") from None
        return CommandResult(code, _text(out), _text(err))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


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
    raise AssertionError(f"never printed {word!r}: {''.join(lines)}")


def only_run(out: Path) -> dict[str, Any]:
    """Return the record of the only run that is stored below `out`."""
    records = list((out / "runs").glob("*/run.json"))
    assert len(records) == 1
    record: dict[str, Any] = json.loads(records[0].read_text(encoding="utf-8"))
    return record
