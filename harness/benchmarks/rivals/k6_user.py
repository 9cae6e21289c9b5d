"""k6 with `k6_user.js`, and its notes. The times of its own clock are mapped onto CLOCK_MONOTONIC at the end."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.rivals import installed
from benchmarks.truth.load_shapes import WARMUP_S, plan_of
from benchmarks.truth.report import Report, Row, report_of
from benchmarks.truth.wire import clock_offset_ns
from wsproof.model.envelope import body_of
from wsproof.model.nanoseconds import NS

SCRIPT = Path(__file__).with_suffix(".js")
NS_PER_MS = 1_000_000
QUIETLY = ("--quiet", "--no-summary", "--no-usage-report", "--address", "", "--log-format", "raw")
"""Options for k6: no progress, no summary, no usage report, no port of its own, and raw console lines."""


def run(shape: str, port: int, seconds: float) -> Report:
    """Run k6 for one block. Go uses as many threads as this process has cores."""
    before = clock_offset_ns()
    members = notes_of(shape, port, seconds)
    offset_ns = (before + clock_offset_ns()) // 2
    (wall_ms,) = (float(member["wallMs"]) for member in members if member["member"] == 0)
    zero_ns = round(wall_ms * NS_PER_MS) - offset_ns

    def at_ns(clock_ms: float) -> int:
        return zero_ns + round(clock_ms * NS_PER_MS)

    rows: list[Row] = []
    sent: dict[tuple[int, int], int] = {}
    for member in members:
        number = member["member"]
        sent |= {(number, sequence): at_ns(clock_ms) for sequence, clock_ms in enumerate(member["sent"])}
        rows += [(number, text.encode(), at_ns(clock_ms)) for text, clock_ms in member["heard"]]
    return report_of(rows, sent, min(sent.values(), default=0) + int(WARMUP_S * NS))


def notes_of(shape: str, port: int, seconds: float) -> list[dict[str, Any]]:
    """Run k6. Returns the notes of each of its users."""
    plan = plan_of(shape, seconds)
    asked = {
        "SHAPE": shape,
        "PORT": port,
        "CONNECTIONS": plan.subscribers,
        "RATE_HZ": plan.rate_hz / plan.publishers,
        "SECONDS": seconds + WARMUP_S,
        "BODY": body_of(plan.payload_bytes),
    }
    words = [word for name, value in asked.items() for word in ("-e", f"{name}={value}")]
    with tempfile.TemporaryDirectory(prefix="wsproof-k6-") as folder:
        console = Path(folder) / "console"
        command = [installed.k6(), "run", *QUIETLY, "--console-output", str(console), *words, str(SCRIPT)]
        code = subprocess.call(command)
        notes: list[dict[str, Any]] = [json.loads(line) for line in console.read_text().splitlines()]
    if code or len(notes) != plan.subscribers:
        sys.exit(f"k6 ended with {code}, and {len(notes)} of its {plan.subscribers} users have come to their end")
    return notes
