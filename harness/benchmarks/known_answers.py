"""Servers with known latencies, and the figures reported of them: `python -m harness.benchmarks.known_answers`.

There are six servers, all of `tests/load/servers.py`:

- `hold` delays each delivery by 20 ms, and `spread` by 1 to 20 ms, uniformly.
- `slow` delays the deliveries of a single subscriber of ten.
- `halt` halts for 100 ms in every second, and `halt-long` for 1 s in every ten.
- `rare` drops every 10,000th delivery.

Theory gives the expected figures. The excess is added by loopback, the server, the engine and other load on this
machine. Two closed loops also measure a halting server: that of the engine, and stock Locust with websocket-client.
They wait for the server, so they do not see the halts (coordinated omission). The engine, users of wsproof in Locust
and websocket-client in Locust receive 1,000 messages a second of `hold` over 100 connections. In Locust they do so with
an idle hub, and with one that other code blocks for 5 of every 10 ms.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.truth.clients import command_of
from benchmarks.truth.report import Report
from tests.load.conftest import follow, serving
from tests.load.servers import HALTS, HOLD_S, RARELY
from wsproof.checks import run_checks
from wsproof.model.arrivals import POISSON
from wsproof.model.finding import Anomaly
from wsproof.model.plan import Plan
from wsproof.stats.metrics import Observed
from wsproof.stats.summary import nearest_rank

HERE = Path(__file__).parent
CLIENTS = ("wsproof", "wsproof in Locust", "wsproof in Locust, blocked", "Locust", "Locust, blocked")
"""The clients that receive from the same server."""
MS = 1e6
HEADINGS = ("mean", "p50", "p95", "p99")
Figures = tuple[float, float, float, float]


@dataclass(frozen=True)
class Case:
    """A server, its known latencies in ms (mean, p50, p95, p99), and the duration of its measurement in seconds."""

    behaviour: str
    known: Figures
    seconds: float = 10.0


def halting(behaviour: str, seconds: float) -> Case:
    """The case of a server that halts for S in every T. In an open loop, P(latency > x) = (S - x) / T."""
    every_s, for_s = HALTS[behaviour]

    def at(share: float) -> float:
        return max(0.0, for_s - (1 - share) * every_s) * 1e3

    return Case(behaviour, (for_s**2 / 2 / every_s * 1e3, at(0.5), at(0.95), at(0.99)), seconds)


LONG = halting("halt-long", 20.0)
CASES = (
    Case("hold", (HOLD_S * 1e3,) * 4),
    Case("spread", (10.5, 10.0, 19.0, 20.0)),
    Case("slow", (HOLD_S * 1e2, 0.0, HOLD_S * 1e3, HOLD_S * 1e3)),
    halting("halt", 10.0),
    LONG,
)


def plan_of(seconds: float, in_flight: int | None = None, subscribers: int = 10) -> Plan:
    return Plan(
        subscribers=subscribers,
        rate_hz=200.0,
        duration_s=seconds,
        warmup_s=1.0,
        drain_s=2.0,
        arrivals=POISSON,
        in_flight=in_flight,
        seed=1,
    )


def reported(case: Case, in_flight: int | None = None) -> Figures:
    """The engine's figures for the server, in ms: latency, or the service time of a closed loop."""
    with serving(case.behaviour) as endpoint:
        observed = Observed(follow(plan_of(case.seconds, in_flight), endpoint))
    found = observed.deliveries.latency_ns if in_flight is None else observed.deliveries.service_ns
    p50, p95, p99 = (nearest_rank(np.sort(found), share) / MS for share in (0.5, 0.95, 0.99))
    return float(found.mean()) / MS, p50, p95, p99


def lost(seconds: float = 10.0) -> str:
    """A sentence on the server that drops every 10,000th delivery: known losses, and losses found by the checks."""
    with serving("rare") as endpoint:
        measurement = follow(plan_of(seconds, subscribers=20), endpoint)
    dropped = len(measurement.history.publications) * 20 // RARELY
    findings = run_checks(measurement.history, measurement.contract)
    missing = sum(found.occurrences for found in findings if found.anomaly is Anomaly.LOST)
    others = sum(found.occurrences for found in findings if found.anomaly is not Anomaly.LOST)
    reach = Observed(measurement).fanout.reach.mean()
    return (
        f"1 of 10,000 dropped: known {dropped} lost, found {missing} (and {others} of anything else), reach {reach:.4%}"
    )


def locust(case: Case) -> Figures:
    """Locust's figures for the server, in ms. Ten users send and wait for the echo, at most 20 times a second each."""
    with tempfile.TemporaryDirectory(prefix="wsproof-known-") as folder, serving(case.behaviour) as endpoint:
        load = ["-u", "10", "-r", "10", "-t", f"{case.seconds:g}s", "--host", f"ws://127.0.0.1:{endpoint.port}"]
        command = [sys.executable, "-m", "locust", "-f", str(HERE / "rivals" / "locust_user.py"), *load]
        rival = {"WSPROOF_RIVAL": f"echo:20:{folder}/rows.npz", "PYTHONPATH": str(HERE.parent)}
        quiet = ["--headless", "--only-summary", "--loglevel", "WARNING", "--csv", f"{folder}/locust"]
        subprocess.run([*command, *quiet], env=os.environ | rival, stdout=subprocess.DEVNULL, check=True)
        with open(f"{folder}/locust_stats.csv", newline="") as file:
            row = next(row for row in csv.DictReader(file) if row["Name"] == "echo")
    return float(row["Average Response Time"]), float(row["50%"]), float(row["95%"]), float(row["99%"])


def received(client: str, seconds: float = 10.0) -> Figures:
    """What a client reports of `hold`, in ms, from send to receipt: 10 publications a second to 100 members."""
    with tempfile.TemporaryDirectory(prefix="wsproof-known-") as folder, serving("hold") as endpoint:
        file = Path(folder) / "report.npz"
        rival = {"WSPROOF_RIVAL": f"chat:10:{file}", "PYTHONPATH": str(HERE.parent)}
        rival |= {"WSPROOF_BLOCKED": "1"} if client.endswith("blocked") else {}
        command = command_of(client, "chat", endpoint.port, seconds, file)
        subprocess.run(command, env=os.environ | rival, stdout=subprocess.DEVNULL, check=False)
        report = Report.load(file)
    times_ms = np.sort(report.received_ns - report.sent_ns) / MS
    p50, p95, p99 = (float(nearest_rank(times_ms, share)) for share in (0.5, 0.95, 0.99))
    return float(times_ms.mean()), p50, p95, p99


def main() -> None:
    parser = argparse.ArgumentParser(description="Servers whose answers are known, and what is reported of them.")
    parser.add_argument("--blocks", type=int, default=1, help="how often everything is asked (1)")
    asked = parser.parse_args()
    say(f"| ms: known → reported | {' | '.join(HEADINGS)} |")
    say("| --- |" + " ---: |" * len(HEADINGS))
    for _ in range(asked.blocks):
        for case in CASES:
            show(case.behaviour, case, reported(case))
        show("halt-long, closed loop", LONG, reported(LONG, in_flight=1))
        show("halt-long, stock Locust", LONG, locust(LONG))
        for client in CLIENTS:
            show(f"hold, {client}", CASES[0], received(client))
        say(f"\n{lost()}\n")


def show(title: str, case: Case, got: Figures) -> None:
    cells = [f"{known:.1f} → {found:.2f}" for known, found in zip(case.known, got, strict=True)]
    say(f"| {title} | {' | '.join(cells)} |")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
