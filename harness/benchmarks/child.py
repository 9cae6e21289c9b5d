"""A module of this folder as a process of its own, which speaks with us line by line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.pinned import put_on_core


@dataclass(frozen=True, slots=True)
class Child:
    """A process at work."""

    process: subprocess.Popen[str]

    def said(self) -> str:
        """Its next line; where there is none the program ends, and says so."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{' '.join(map(str, self.process.args[1:]))} ended without an answer")  # type: ignore[index]
        return line.strip()

    def found(self) -> Any:
        """Its next line, which is JSON."""
        return json.loads(self.said())

    def go_on(self) -> None:
        """What it waits for: a line."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()


@contextmanager
def child(module: str, *words: object, core: int) -> Iterator[Child]:
    """`python -m benchmarks.MODULE WORDS` on a core of its own where there is one, while the block lasts."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, words)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    put_on_core(process.pid, core)
    try:
        yield Child(process)
    finally:
        process.kill()
        process.communicate()
