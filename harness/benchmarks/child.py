"""A benchmark module as a child process that exchanges lines with its parent."""

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
    """A running child process."""

    process: subprocess.Popen[str]

    def read_line(self) -> str:
        """Return the next line of the child. If there is none, the program exits with a message."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{' '.join(map(str, self.process.args[1:]))} ended without an answer")  # type: ignore[index]
        return line.strip()

    def read_json(self) -> Any:
        """Return the next line of the child, parsed as JSON."""
        return json.loads(self.read_line())

    def resume(self) -> None:
        """Send the empty line that the child waits for."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()


@contextmanager
def child(module: str, *arguments: object, core: int) -> Iterator[Child]:
    """Run `python -m benchmarks.MODULE ARGUMENTS` during this block, pinned to one core if there are several."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    put_on_core(process.pid, core)
    try:
        yield Child(process)
    finally:
        process.kill()
        process.communicate()
