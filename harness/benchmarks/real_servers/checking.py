"""One `wsproof check` of a server of the corpus, with its result as a row."""

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
DEFAULT_BUDGET_S = 60.0
GRACE_S = 120.0
"""Seconds behind its budget after which a check is ended: far more than it may take. Its row then has no exit code."""
CRASHED = "Traceback (most recent call last)"

VERDICTS = ("VALID", "INVALID", "CANNOT TELL:")


@dataclass(frozen=True)
class Row:
    """One line of the table: the result for one server."""

    server: str
    versions: tuple[str, ...]
    seconds: float
    exit_code: int | None
    """The exit code of the check; None if it was ended after its budget and GRACE_S."""
    crashed: bool
    died: int | None
    """The exit code of a server that ended by itself; None if it was still running."""
    violations: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    not_run: tuple[str, ...] = ()
    checks: int = 0
    """The number of checks that were run."""
    said: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def check(
    server: RealServer,
    versions: list[str],
    running: Running,
    folder: Path,
    seed: int,
    budget_s: float = DEFAULT_BUDGET_S,
) -> Row:
    """Run the check. Everything that it prints or writes goes into `folder`."""
    result = folder / "check.json"
    command = [
        *(sys.executable, "-m", "wsproof.cli", "check", running.url, *running.options),
        *("--seed", str(seed), "--budget", f"{budget_s:g}s", "--json", str(result), "--out", str(folder / "runs")),
    ]
    if server.channels is not None:
        command += ["--channels", f"benchmarks.real_servers.channels.{server.channels}"]
    started = time.monotonic()
    code, printed = _run(command, budget_s + GRACE_S)
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


def _run(command: list[str], timeout_s: float) -> tuple[int | None, str]:
    """Run a command. Returns its exit code, or None after the timeout, and everything that it printed."""
    process = subprocess.Popen(
        ["nice", "-n", str(NICENESS), *command],
        cwd=HARNESS,
        env={**os.environ, "PYTHONPATH": str(HARNESS), "NO_COLOR": "1", "CI": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        printed, _ = process.communicate(timeout=timeout_s)
        code: int | None = process.returncode
    except subprocess.TimeoutExpired:
        process.terminate()  # the check then writes its results so far
        printed, _ = process.communicate()
        code = None
    finally:
        process.terminate()  # in case a signal ends this process
    return code, printed.decode(errors="replace")
