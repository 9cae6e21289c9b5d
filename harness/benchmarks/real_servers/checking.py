"""One `wsproof check` of a server of the corpus, and what it said as a row."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.real_servers.environments import HERE
from benchmarks.real_servers.running import Running
from benchmarks.real_servers.server import RealServer

HARNESS = HERE.parents[1]
NICENESS = 5
TIMEOUT_S = 180.0
"""Far beyond what a check may take: who takes longer is ended, and told as such."""
CRASHED = "Traceback (most recent call last)"

VERDICTS = ("VALID", "INVALID", "CANNOT TELL:")


@dataclass(frozen=True)
class Row:
    """What the table says of one server."""

    server: str
    versions: tuple[str, ...]
    seconds: float
    exit_code: int | None
    """None: it was ended after TIMEOUT_S."""
    crashed: bool
    died: int | None
    """The server's exit code, where it had ended by itself."""
    violations: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    not_run: tuple[str, ...] = ()
    checks: int = 0
    """How many were run."""
    said: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def check(server: RealServer, versions: list[str], running: Running, folder: Path, seed: int) -> Row:
    """Run the check, with all it prints and writes in `folder`."""
    result = folder / "check.json"
    command = [
        *(sys.executable, "-m", "wsproof.cli", "check", running.url, *running.options),
        *("--seed", str(seed), "--json", str(result), "--out", str(folder / "runs")),
    ]
    if server.channels is not None:
        command += ["--channels", f"benchmarks.real_servers.channels.{server.channels}"]
    started = time.monotonic()
    code, printed = _run(command)
    seconds = time.monotonic() - started
    (folder / "check.txt").write_text(printed, encoding="utf-8")
    found = json.loads(result.read_text(encoding="utf-8")) if result.is_file() else {}
    findings, checks = found.get("findings", []), found.get("checks_run", [])
    return Row(
        server.name,
        tuple(versions),
        round(seconds, 1),
        code,
        CRASHED in printed,
        running.process.poll(),
        tuple(one["check"] for one in findings if one["level"] == "violation"),
        tuple(f"{one['level']} {one['check']}" for one in findings if one["level"] != "violation"),
        tuple(one["check"] for one in checks if one["verdict"] == "unknown"),
        tuple(f"{one['check']}: {one['reason']}" for one in found.get("not_run", [])),
        len(checks),
        next((line for line in printed.splitlines() if line.startswith(VERDICTS)), printed.strip()[-200:]),
    )


def _run(command: list[str]) -> tuple[int | None, str]:
    """Its exit code, None where it had to be ended; and all that it printed."""
    process = subprocess.Popen(
        ["nice", "-n", str(NICENESS), *command],
        cwd=HARNESS,
        env={**os.environ, "PYTHONPATH": str(HARNESS), "NO_COLOR": "1", "CI": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        printed, _ = process.communicate(timeout=TIMEOUT_S)
        code: int | None = process.returncode
    except subprocess.TimeoutExpired:
        process.terminate()  # it then writes what it knows
        printed, _ = process.communicate()
        code = None
    finally:
        process.terminate()  # where a signal ends us
    return code, printed.decode(errors="replace")
