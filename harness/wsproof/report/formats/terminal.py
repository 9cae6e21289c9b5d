"""Output for the terminal. Colour is optional and never the only signal.

All output is built as `Text`, never as markup, so text from a server cannot change style or screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from wsproof.model.bench_record import ObjectiveOutcome
from wsproof.model.comparison import Comparison, Judgement
from wsproof.model.finding import Finding, Level, Verdict
from wsproof.model.load_summary import LoadSummary
from wsproof.model.record import RunRecord
from wsproof.model.suite import CheckRun, SuiteReport
from wsproof.model.summary import Summary, TrustWarning
from wsproof.report.figures import VOID, figure, trust_sentence, void_figures
from wsproof.report.store.run_dir import RunDir
from wsproof.report.text.check import by_reason, measured, time_sentence
from wsproof.report.text.comparison import (
    JUDGED,
    comparison_sentence,
    difference_sentences,
    extent_sentence,
    interval,
    judgement_notes,
    side,
)
from wsproof.report.text.faults import fault_rows, fault_sentences, storm_sentences
from wsproof.report.text.run import (
    STAMPS,
    Tone,
    accepted,
    count,
    generator_sentence,
    level_of,
    library_lines,
    observations,
    standing,
    title_of,
    tone_of,
    tone_of_run,
    verdict_sentence,
)
from wsproof.report.text.sanitize import clean_line
from wsproof.report.text.units import change, duration, for_reader, share

STYLES = {Tone.GOOD: "green", Tone.BAD: "bold red", Tone.UNSURE: "yellow", Tone.NONE: "dim"}
"""The style of each tone."""
OBSERVED = "Observations (not reproduced, and not counted)"
HOW_TO_ACCEPT = (
    "To accept a deviation that you cannot fix, list it with a reason in a file. --write-accepted FILE creates the "
    "file, --known-deviations FILE applies it (see README, Known deviations)."
)
MOST_NAMED = 8
"""Maximum number of checks that a line on skipped checks names. The page and the JSON documents name all."""
MOSTLY = "most checks were not run within the budget"
TRACEBACKS = "The tracebacks are in the folder of the run (crashes/); please report them."
COLUMNS: tuple[str, ...] = ("p50", "p90", "p99", "p999", "max")
"""The statistics in a row of the metrics table."""
WIDEST = 200
"""Maximum width of the metrics table, in characters."""
ENDS = (("mean", "mean"), ("least", "min"))
"""The statistics of `reach`, with their labels."""


def show_check(console: Console, report: SuiteReport, *, all_known: bool = False, has_rows: bool = True) -> None:
    """Print each check with its verdict, then the findings, most severe first.

    `all_known` lists the known deviations of server libraries one by one. Without `has_rows`, checks are not listed.
    """
    for remark in report.remarks:
        _say(console, f"\n{remark}", STYLES[Tone.UNSURE])
    if has_rows:
        _show_rows(console, report)
    show_findings(console, report.findings, all_known=all_known)
    verdict = report.verdict()
    if any(finding.level.counts and finding.accepted is None for finding in report.findings):
        _say(console, f"\n{HOW_TO_ACCEPT}", "dim")
    violations = [finding for finding in report.findings if finding.verdict(strict=report.strict) is Verdict.INVALID]
    mostly = report.is_mostly_out_of_time and all(run.verdict is not Verdict.UNKNOWN for run in report.checks_run)
    result = {
        Verdict.VALID: "VALID: all checked promises were kept",
        Verdict.INVALID: f"INVALID: {count(len(violations), 'violation')}",
        Verdict.UNKNOWN: f"CANNOT TELL: {MOSTLY if mostly else 'some checks could not be decided'}",
    }[verdict]
    if not report.complete:
        result += " so far" if verdict is Verdict.INVALID else "; the run ended early"
    left_out = f", {len(report.not_run)} not run" if report.not_run else ""
    crashed = sum(bool(run.traceback) for run in report.checks_run)
    if crashed:
        _say(console, f"\n{count(crashed, 'check')} crashed: a bug of wsproof. {TRACEBACKS}", STYLES[Tone.UNSURE])
    if sentence := time_sentence(report):
        _say(console, f"\n{sentence}", STYLES[Tone.UNSURE])
    facts = f"{count(len(report.checks_run), 'check')}{left_out}, {duration(report.seconds)}, seed {report.seed}"
    _say(console, f"\n{result} ({facts})", STYLES[tone_of(verdict)])


def _show_rows(console: Console, report: SuiteReport) -> None:
    """Print each check with its verdict, then those that were not run, with the reasons."""
    _say(console, "")
    for run in _without_repeated_reasons(report.checks_run):
        _show_run_of_check(console, run)
    for reason, checks in by_reason(report.not_run):
        named, more = checks[:MOST_NAMED], len(checks) - MOST_NAMED
        others = f" and {count(more, 'more check')}" if more > 0 else ""
        _say(console, f"{Tone.NONE.sign} not run   {', '.join(named)}{others}: {reason}", "dim")


def show_findings(console: Console, findings: Iterable[Finding], *, all_known: bool = False) -> None:
    """Print the findings that count, then observations, then accepted ones (one line per server library)."""
    findings = list(findings)
    for finding in standing(findings):
        # Keep informational findings short, so that violations stay on the screen.
        show_finding(console, finding, brief=finding.level is Level.INFORMATIONAL and bool(finding.replay))
    observed = observations(findings)
    if observed:
        _say(console, f"\n{OBSERVED}", "bold")
    for finding in observed:
        show_finding(console, finding)
    deviations = accepted(findings)
    shown = [finding for finding in deviations if all_known or finding.library is None]
    if shown:
        _say(console, "\nAccepted deviations (they do not count)", "bold")
    for finding in shown:
        _say(console, f"  {finding.section}  {finding.check}: {finding.explanation}")
        _say(console, f"      reason: {finding.accepted}")
    for line in library_lines(deviations):
        _say(console, f"\n{line}" if all_known else f"\n{line}: --all shows them", "dim")


def show_finding(console: Console, finding: Finding, *, brief: bool = False) -> None:
    """Print one finding: section, explanation, promise, witness, and the command that replays it.

    `brief` leaves out promise and witness.
    """
    style = STYLES[tone_of(finding.verdict())] if finding.verdict() is not Verdict.VALID else "bold"
    often = f", {finding.occurrences:,} times" if finding.occurrences > 1 else ""
    title = f"\n{level_of(finding).upper()}  {finding.section}  {finding.check} ({finding.anomaly.value}{often})"
    _say(console, title, style)
    _say(console, f"  {finding.explanation}")
    if not brief:
        _show_evidence(console, finding)
    if finding.replay:
        _say(console, f"  replay: {finding.replay}")


def _show_evidence(console: Console, finding: Finding) -> None:
    """Print the promise, the witness, the repetitions and the server's output."""
    if finding.source:
        _say(console, f"  promised: {finding.source}", "dim")
    for line in finding.witness:
        _say(console, f"    {clean_line(line)}")
    if finding.reproduced:
        _say(console, f"  reproduced: {finding.reproduced}")
    if finding.server_output:
        _say(console, "  the server wrote:")
    for line in finding.server_output:
        _say(console, f"    | {line}")


def show_run(console: Console, record: RunRecord, folder: RunDir | None = None, *, all_known: bool = False) -> None:
    """Print figures, trust, warnings and verdict of a run, and its findings unless its check has printed them.

    Without `folder` the run has just ended. It counts as complete, although its record is marked complete only later.
    With the directory of a stored run, the output names its page, and calls a run that ended early incomplete.
    """
    if record.metrics:
        _say(console, "")
        table = _metrics(record.metrics)
        # Use the full width: rows that are wrapped or cut off are hard to read.
        table.width = Measurement.get(console, console.options.update(max_width=WIDEST), table).maximum
        console.print(table, crop=False)
    _show_faults(console, record)
    for row in record.objectives:
        _show_objective(console, row)
    show_findings(console, record.measured_findings, all_known=all_known)
    if record.generator is not None:
        _say(console, f"\n{generator_sentence(record.generator)}", "dim")
    if record.load is not None:
        show_load(console, record.load)
    _show_warnings(console, record.warnings)
    if record.metrics:
        _show_trust(console, record)
    deviations = [finding for finding in accepted(record.findings) if finding.library is None]
    if deviations:
        _say(console, f"{count(len(deviations), 'known deviation')} accepted")
    ended = record.but(complete=record.complete or folder is None)
    _say(console, verdict_sentence(ended), STYLES[tone_of_run(ended)])
    if folder is not None:
        _say(console, f"page: {folder.page}")


def _show_faults(console: Console, record: RunRecord) -> None:
    """Print the figures of healthy clients beside faulty ones, and how clients came back from a reconnect storm."""
    if record.faults is not None:
        first, *rest = fault_sentences(record.faults)
        _say(console, f"\n{first}", "bold")
        table = Table(box=None, padding=(0, 2, 0, 0))
        for name in ("", "without", "beside", "change", "95 % interval", ""):
            table.add_column(name, justify="left" if not name else "right")
        for row in fault_rows(record.faults):
            table.add_row(row.title, row.without, row.beside, row.change, row.interval, row.verdict)
        console.print(table)
        for sentence in rest:
            _say(console, sentence)
    if record.reconnect_storm is not None:
        _say(console, "\nReconnect storm", "bold")
        for sentence in storm_sentences(record.reconnect_storm):
            _say(console, sentence)


def _show_trust(console: Console, record: RunRecord) -> None:
    """Print which figures can be trusted, except for `wsproof run`, whose closing sentences say it."""
    sentences = [f"{VOID} = void."] * bool(void_figures(record.metrics))
    sentences += [trust_sentence(record)] * (record.command != "run")
    if sentences:
        _say(console, f"\n{' '.join(sentences)}", STYLES[Tone.GOOD if record.trusted else Tone.UNSURE])


def show_load(console: Console, load: LoadSummary) -> None:
    """Print the result of a Locust run, one line per room."""
    for room in load.rooms:
        latency, reach = room.metrics.get("latency") or room.metrics.get("feed_spread"), room.metrics.get("reach")
        parts = [f"\nload, {room.workload}", count(room.users, "user")]
        if latency is not None and latency.n:
            parts.append(f"latency p50 {figure(latency, 'p50')}, p99 {figure(latency, 'p99')}")
        if reach is not None and reach.mean is not None:
            parts.append(f"reach {share(reach.mean)}")
        parts.append(STAMPS[room.stamps])
        parts.append(room.verdict.value)
        _say(console, ": ".join([parts[0], ", ".join(part for part in parts[1:] if part)]))
        if room.recovery is not None:
            _say(console, f"{room.workload}: {room.recovery.sentence()}.")
        _show_warnings(console, room.warnings)


def show_load_failures(console: Console, load: LoadSummary | None) -> None:
    """Print Locust's table of failures, without those of the findings."""
    failed = [] if load is None else [failure for failure in load.failed if not failure.error.startswith("Violation(")]
    for failure in failed:
        _say(console, f"\n{count(failure.occurrences, 'failure')} of {failure.name}: {failure.error}", "red")


def show_verdict(console: Console, verdict: Verdict) -> None:
    """Print the verdict in one closing line."""
    sentence = {
        Verdict.VALID: "VALID: all expected messages arrived, once and in order",
        Verdict.INVALID: "INVALID: promises were broken, see above",
        Verdict.UNKNOWN: "CANNOT TELL: too little is known for a verdict, see above",
    }[verdict]
    _say(console, f"\n{sentence}", STYLES[tone_of(verdict)])


def show_comparison(console: Console, comparison: Comparison, *, all_known: bool = False) -> None:
    """Print both sides, one row per metric, new violations, and the verdict."""
    _say(console, f"\nbase       {side(comparison.base)}")
    _say(console, f"candidate  {side(comparison.candidate)}")
    if comparison.pairs:
        _say(console, extent_sentence(comparison), "dim")
    _say(console, "")
    console.print(_rows(comparison))
    for note in judgement_notes(comparison):
        _say(console, note, "yellow")
    for sentence in difference_sentences(comparison):
        _say(console, sentence, "dim")
    if comparison.findings:
        _say(console, "\nThe candidate breaks what the base keeps", "bold")
    show_findings(console, comparison.findings, all_known=all_known)
    _show_warnings(console, comparison.warnings)
    _say(console, f"\n{comparison_sentence(comparison)}", STYLES[tone_of(comparison.verdict)])


def _without_repeated_reasons(runs: Iterable[CheckRun]) -> Iterator[CheckRun]:
    """The checks, with each reason for being undecided spelled out only once."""
    given_reasons: set[str] = set()
    for run in runs:
        is_repeated = run.verdict is Verdict.UNKNOWN and run.reason in given_reasons
        given_reasons.add(run.reason)
        yield replace(run, reason="for the same reason") if is_repeated and run.reason else run


def _show_run_of_check(console: Console, run: CheckRun) -> None:
    tone = tone_of(run.verdict)
    line = Text(f"{tone.sign} {run.verdict.value:<8}", style=STYLES[tone])
    line.append(clean_line(f"{run.section:<10} {run.title}"), style="default")
    extra = "".join(f"  {note}" for note in (measured(run), run.remark) if note)
    line.append(clean_line(f"  {duration(run.seconds)}{extra}"), style="dim")
    console.print(line, soft_wrap=True)


def _metrics(metrics: Mapping[str, Summary]) -> Table:
    """The table of metrics."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for heading in ("p50", "p90", "p99", "p99.9", "max", "n"):
        table.add_column(heading, justify="right")
    for name, summary in metrics.items():
        if summary.n == 0:
            continue
        if name == "reach":
            # For a share, p99 would be one of the best values: show mean and minimum instead.
            rows: list[tuple[str, tuple[str, ...]]] = [
                (f"{title_of(name)}, {heading}", (statistic,)) for heading, statistic in ENDS
            ]
        elif summary.n == 1:
            rows = [(title_of(name), ("value",))]
        else:
            rows = [(title_of(name), COLUMNS)]
        for label, columns in rows:
            cells = [figure(summary, column) for column in columns] + [""] * (len(COLUMNS) - len(columns))
            table.add_row(label, *cells, f"{summary.n:,}")
    return table


def _rows(comparison: Comparison) -> Table:
    """The table of a comparison."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("metric")
    for heading in ("base", "candidate", "change", "95 % interval"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    for row in comparison.metrics:
        tone = tone_of(row.verdict)
        judged = row.primary or comparison.verdict is Judgement.UNPAIRED
        verdict = Text(f"{tone.sign} {JUDGED[row.verdict]}", STYLES[tone]) if judged else Text("– not judged", "dim")
        table.add_row(
            Text(clean_line(title_of(row.metric))),
            for_reader(row.base, row.unit),
            for_reader(row.candidate, row.unit),
            change(row.ratio),
            interval(row),
            verdict,
        )
    return table


def _show_objective(console: Console, outcome: ObjectiveOutcome) -> None:
    tone = Tone.UNSURE if outcome.met is None else Tone.GOOD if outcome.met else Tone.BAD
    _say(console, f"{tone.sign} {outcome.sentence or outcome.objective}", STYLES[tone])


def _show_warnings(console: Console, warnings: Sequence[TrustWarning]) -> None:
    for warning in warnings:
        word = "void" if warning.figures else "untrusted" if warning.invalidates else "warning"
        _say(console, f"\n{word}: {warning.message}", "yellow")
        _say(console, f"  try: {warning.advice}")


def _say(console: Console, text: str, style: str = "") -> None:
    """Print plain text: markup is not interpreted, unsafe characters are escaped, and long lines are not wrapped."""
    lines = "\n".join(clean_line(line) for line in text.split("\n"))
    console.print(Text(lines, style=style), soft_wrap=True)
