"""The last lines of `wsproof run`: five sentences with the results and the path of the page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from wsproof.model.chapter import SuiteName
from wsproof.model.finding import Finding, Verdict
from wsproof.model.record import RunRecord
from wsproof.model.suite import CheckRun
from wsproof.model.summary import Summary
from wsproof.report.figures import trust_sentence
from wsproof.report.text.check import not_run_of, too_little_time_of
from wsproof.report.text.run import (
    accepted,
    checks_of,
    count,
    missed_objectives,
    open_objectives,
    speed_sentence,
    standing,
)
from wsproof.report.text.units import for_reader, share

__all__ = ["closing_sentences"]


def closing_sentences(record: RunRecord, page: Path) -> tuple[str, str, str, str, str]:
    """Protocol, delivery, speed, trust, page: one sentence each."""
    return (_protocol(record), _delivery(record), _speed(record), _trust(record), f"The full report is {page}")


def _protocol(record: RunRecord) -> str:
    """Whether the server keeps the protocol."""
    runs = [run for run in checks_of(record) if run.suite is SuiteName.PROTOCOL]
    findings = [finding for finding in record.findings if finding.suite is SuiteName.PROTOCOL]
    if trouble := _trouble(findings, runs, "breaks the protocol"):
        return trouble
    if not runs:
        return "The protocol was not checked."
    if too_little := too_little_time_of(record):
        return f"Whether the server keeps the protocol is not fully known: {too_little}"
    deviations = len(accepted(findings))
    besides = f", apart from {count(deviations, 'known deviation')}" if deviations else ""
    not_run = sum(len(checks) for _, checks in not_run_of(record))
    rest = f" ({count(not_run, 'check')} not run, see the page)" if not_run else ""
    return f"The server keeps the protocol in all of {count(len(runs), 'check')}{besides}{rest}."


def _delivery(record: RunRecord) -> str:
    """Whether every message arrived once and in order, in the checks and under load."""
    runs = [run for run in checks_of(record) if run.suite is SuiteName.CHANNELS]
    findings = [finding for finding in record.findings if finding.suite is SuiteName.CHANNELS]
    if trouble := _trouble(findings, runs, "does not deliver as promised"):
        return trouble
    reach, latency = record.metrics.get("reach"), record.metrics.get("latency")
    checked = f"Every message arrived once and in order in {count(len(runs), 'check')}" if runs else ""
    if reach is None or reach.mean is None or latency is None:
        return f"{checked or 'Delivery was not checked'}."
    loaded = f"under load {share(reach.mean)} arrived ({count(latency.n, 'delivery', 'deliveries')})."
    return f"{checked}, and {loaded}" if checked else loaded.capitalize()


def _trouble(findings: Iterable[Finding], runs: Iterable[CheckRun], failure: str) -> str:
    """The first violation or undecided check; empty if there is none."""
    counted = standing(findings)
    violations = [finding for finding in counted if finding.verdict() is Verdict.INVALID]
    if violations:
        number = count(len(violations), "violation")
        return f"The server {failure} ({number}). The most severe: {_sentence(violations[0].explanation)}"
    unsure = [finding.explanation for finding in counted if finding.verdict() is Verdict.UNKNOWN]
    unsure += [run.reason for run in runs if run.verdict is Verdict.UNKNOWN]
    return f"Whether the server {failure} is not fully known: {_sentence(unsure[0])}" if unsure else ""


def _speed(record: RunRecord) -> str:
    """The sentence on latency."""
    last = next((record.metrics[name] for name in ("time_to_last", "feed_spread") if name in record.metrics), None)
    if last is None or not last.n:
        return "Latency was not measured."
    cpu = record.metrics.get("server_cpu_per_delivery")
    cost = f" ({for_reader(cpu.value, cpu.unit)} of server CPU per delivery)" if cpu is not None and cpu.n else ""
    return f"{speed_sentence(record, last, _plain).removesuffix('.')}{cost}."


def _plain(summary: Summary, statistic: str) -> str:
    """One statistic without the mark of a void figure."""
    return for_reader(getattr(summary, statistic), summary.unit)


def _trust(record: RunRecord) -> str:
    """Missed or undecided objectives, else whether the figures can be trusted."""
    if missed := missed_objectives(record):
        return f"Missed: {', '.join(missed)}."
    if undecided := open_objectives(record):
        return f"Undecided, because figures are void: {', '.join(undecided)}."
    return trust_sentence(record)


def _sentence(text: str) -> str:
    """A text on one line, with a full stop at the end."""
    text = " ".join(text.split())
    return text if text.endswith(".") else f"{text}."
