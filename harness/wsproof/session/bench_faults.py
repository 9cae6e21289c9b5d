"""A measurement in turn without and beside faulty clients (`--faults`), and a reconnect storm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wsproof.checks.beside_faults import judge_storm
from wsproof.errors import UsageError
from wsproof.load.faults.run import BesideFaults, StormResult, run_beside_faults, run_storm
from wsproof.load.setup import LoadTarget
from wsproof.model.fault_load import FaultLoad
from wsproof.model.fault_record import FaultsRecord, StormRecord
from wsproof.model.finding import Finding, Verdict, verdict_of
from wsproof.model.nanoseconds import NS
from wsproof.net.redact import hide_in
from wsproof.session.context import CommandContext
from wsproof.session.options import BenchOptions
from wsproof.session.plan import plan_of
from wsproof.session.run_recorder import RunRecorder
from wsproof.stats.fault_effect import BUSY, fault_figures, why_unsure
from wsproof.target.server import RunningServer

SPREAD_S = 5.0
"""Seconds over which clients with jitter come back."""
LINGERING_S = 5.0
"""Seconds that a client which comes and goes may be connected."""
LIMIT_S = 30.0
"""Seconds in which all clients must be served again."""


def require_faults_possible(options: BenchOptions, *, is_mix: bool = False) -> None:
    """Refuse options that contradict each other.

    Raises:
        UsageError: faulty clients cannot be measured with these options.
    """
    options_given = [name for name, is_given in _asked(options).items() if is_given]
    if options_given and is_mix:
        raise UsageError(
            f"several workloads at once cannot have {options_given[0]}: leave it out, or measure one workload."
        )
    if options.faults is not None and (options.closed or options.steps > 1):
        option = "--closed" if options.closed else "--steps"
        raise UsageError(f"--faults compares windows of an even load: leave out {option}.")


def faulty_connections(options: BenchOptions) -> int:
    """The most faulty clients that are connected at a time, if the server ends those of a second within a few."""
    if options.faults is None:
        return 0
    return sum(options.faults.standing.values()) + int(LINGERING_S * sum(options.faults.per_s.values()))


def _asked(options: BenchOptions) -> dict[str, bool]:
    return {"--faults": options.faults is not None, "--reconnect-storm": options.reconnect_storm}


def run_with_faults(
    context: CommandContext[BenchOptions], server: RunningServer, faults: FaultLoad, columns: Path
) -> BesideFaults:
    """Run the plan with faulty clients in every other window.

    Raises:
        PartialRun: the run ended early. It holds what was recorded.
    """
    plan, target = plan_of(context, server), _target(context, server)
    with context.console.progress() as progress:
        return run_beside_faults(plan, faults, target, columns=columns, progress=progress.engine)


def faults_record(result: BesideFaults, faults: FaultLoad) -> FaultsRecord:
    """The entry of the record about faulty clients."""
    figures = fault_figures(result.measurement, result.windows)
    unsure = why_unsure(result.measurement, figures, result.cpu_share)
    window_s = result.windows.window_ns / NS
    return FaultsRecord(str(faults), window_s, figures, result.tallies, result.resources, unsure)


def add_findings(log: RunRecorder, findings: Sequence[Finding], server: RunningServer, *, strict: bool) -> None:
    """Add findings to the record, and let them count."""
    marked = server.known_deviations.mark(hide_in(finding, server.secrets) for finding in findings)
    stored = log.folder.keep_findings(marked, log.record.target)
    verdict = Verdict.worst([log.record.verdict, verdict_of(marked, strict=strict)])
    log.change(measured_findings=log.record.measured_findings + stored, verdict=verdict)


def measure_storm(
    context: CommandContext[BenchOptions], server: RunningServer, log: RunRecorder, *, strict: bool
) -> None:
    """Let a reconnect storm pass, and write its result and its findings into the record."""
    folder = log.folder.path / "storm"
    result = run_storm(plan_of(context, server), _target(context, server), folder, spread_s=SPREAD_S, limit_s=LIMIT_S)
    record = StormRecord(result.turns, SPREAD_S, LIMIT_S, _why_unsure(result))
    log.change(reconnect_storm=record)
    contract = context.workloads[context.workload_name].contract
    add_findings(log, judge_storm(record, contract), server, strict=strict)


def _why_unsure(result: StormResult) -> str:
    if not result.turns:
        return "no client was served at first"
    if result.cpu_share > BUSY:
        return f"the process of the clients used {result.cpu_share:.0%} of its core"
    if not result.is_alone:
        return "another measurement of wsproof ran on this machine at the same time"
    return ""


def _target(context: CommandContext[BenchOptions], server: RunningServer) -> LoadTarget:
    return LoadTarget(context.needed_channels(), context.settings, server.endpoint, server)
