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
from wsproof.report.text.comparison import JUDGED, comparison_sentence, extent_sentence, interval, judgement_note, side
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
OBSERVED = "Seen, and not reproduced (observations: they do not count)"
HOW_TO_ACCEPT = (
    "To accept what is not yours to mend, list it with a reason in a file: --write-accepted FILE begins one, "
    "--known-deviations FILE uses it (see README, Known deviations)."
)
MOST_NAMED = 8
"""Most checks named in a line that says what was not run. The page and the documents name all."""
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
    if any(one.level.counts and one.accepted is None for one in report.findings):
        _say(console, f"\n{HOW_TO_ACCEPT}", "dim")
    violations = [one for one in report.findings if one.verdict(strict=report.strict) is Verdict.INVALID]
    mostly = report.is_mostly_out_of_time and all(run.verdict is not Verdict.UNKNOWN for run in report.checks_run)
    told = {
        Verdict.VALID: "VALID: every promise that was checked was kept",
        Verdict.INVALID: f"INVALID: {count(len(violations), 'violation')}",
        Verdict.UNKNOWN: f"CANNOT TELL: {MOSTLY if mostly else 'part of what was asked got no answer'}",
    }[verdict]
    if not report.complete:
        told += " so far" if verdict is Verdict.INVALID else "; the run ended early"
    left_out = f", {len(report.not_run)} not run" if report.not_run else ""
    crashed = sum(bool(run.traceback) for run in report.checks_run)
    if crashed:
        _say(console, f"\n{count(crashed, 'check')} crashed: a bug of wsproof. {TRACEBACKS}", STYLES[Tone.UNSURE])
    if sentence := time_sentence(report):
        _say(console, f"\n{sentence}", STYLES[Tone.UNSURE])
    facts = f"{count(len(report.checks_run), 'check')}{left_out}, {duration(report.seconds)}, seed {report.seed}"
    _say(console, f"\n{told} ({facts})", STYLES[tone_of(verdict)])


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
    seen = observations(findings)
    if seen:
        _say(console, f"\n{OBSERVED}", "bold")
    for finding in seen:
        show_finding(console, finding)
    known = accepted(findings)
    shown = [finding for finding in known if all_known or finding.library is None]
    if shown:
        _say(console, "\nAccepted deviations (they do not count)", "bold")
    for finding in shown:
        _say(console, f"  {finding.section}  {finding.check}: {finding.explanation}")
        _say(console, f"      reason: {finding.accepted}")
    for line in library_lines(known):
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
        _say(console, f"  again: {finding.replay}")


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

    Without `folder` the run has just ended, and counts as complete although its record is marked so only later. With
    the directory of a stored run, its page is named, and a run that ended early is called incomplete.
    """
    if record.metrics:
        _say(console, "")
        table = _metrics(record.metrics)
        # Use the full width: rows that are wrapped or cut off are hard to read.
        table.width = Measurement.get(console, console.options.update(max_width=WIDEST), table).maximum
        console.print(table, crop=False)
    for row in record.objectives:
        _show_objective(console, row)
    show_findings(console, record.measured_findings, all_known=all_known)
    if record.generator is not None:
        _say(console, f"\n{generator_sentence(record.generator)}", "dim")
    if record.load is not None:
        show_load(console, record.load)
    _show_cautions(console, record.warnings)
    if record.metrics:
        _show_trust(console, record)
    known = [one for one in accepted(record.findings) if one.library is None]
    if known:
        _say(console, f"{count(len(known), 'known deviation')} accepted")
    ended = record.but(complete=record.complete or folder is None)
    _say(console, verdict_sentence(ended), STYLES[tone_of_run(ended)])
    if folder is not None:
        _say(console, f"page: {folder.page}")


def _show_trust(console: Console, record: RunRecord) -> None:
    """Print which figures can be trusted. The closing sentences of a whole run say that once more, so not here."""
    told = [f"{VOID} = void."] * bool(void_figures(record.metrics))
    told += [trust_sentence(record)] * (record.command != "run")
    if told:
        _say(console, f"\n{' '.join(told)}", STYLES[Tone.GOOD if record.trusted else Tone.UNSURE])


def show_load(console: Console, load: LoadSummary) -> None:
    """Print the result of a Locust run, one line per room."""
    for room in load.rooms:
        latency, reach = room.metrics.get("latency") or room.metrics.get("feed_spread"), room.metrics.get("reach")
        said = [f"\nload, {room.workload}", count(room.users, "user")]
        if latency is not None and latency.n:
            said.append(f"latency p50 {figure(latency, 'p50')}, p99 {figure(latency, 'p99')}")
        if reach is not None and reach.mean is not None:
            said.append(f"reach {share(reach.mean)}")
        said.append(STAMPS[room.stamps])
        said.append(room.verdict.value)
        _say(console, ": ".join([said[0], ", ".join(word for word in said[1:] if word)]))
        if room.recovery is not None:
            _say(console, f"{room.workload}: {room.recovery.sentence()}.")
        _show_cautions(console, room.warnings)


def show_load_failures(console: Console, load: LoadSummary | None) -> None:
    """Print Locust's table of failures, without those of the findings."""
    failed = [] if load is None else [one for one in load.failed if not one.error.startswith("Violation(")]
    for one in failed:
        _say(console, f"\n{count(one.occurrences, 'failure')} of {one.name}: {one.error}", "red")


def show_verdict(console: Console, verdict: Verdict) -> None:
    """Print the verdict in one closing line."""
    told = {
        Verdict.VALID: "VALID: all expected messages arrived, once and in order",
        Verdict.INVALID: "INVALID: promises were broken, see above",
        Verdict.UNKNOWN: "CANNOT TELL: too little is known to judge, see above",
    }[verdict]
    _say(console, f"\n{told}", STYLES[tone_of(verdict)])


def show_comparison(console: Console, comparison: Comparison, *, all_known: bool = False) -> None:
    """Print both sides, one row per metric, new violations, and the verdict."""
    _say(console, f"\nbase       {side(comparison.base)}")
    _say(console, f"candidate  {side(comparison.candidate)}")
    if comparison.pairs:
        _say(console, extent_sentence(comparison), "dim")
    _say(console, "")
    console.print(_rows(comparison))
    for row in comparison.metrics:
        if row.verdict.value == "cannot-tell" and row.primary:
            _say(console, f"{title_of(row.metric)}: cannot tell; {judgement_note(row, comparison)}", "yellow")
    if comparison.findings:
        _say(console, "\nThe candidate breaks what the base keeps", "bold")
    show_findings(console, comparison.findings, all_known=all_known)
    _show_cautions(console, comparison.warnings)
    _say(console, f"\n{comparison_sentence(comparison)}", STYLES[tone_of(comparison.verdict)])


def _without_repeated_reasons(runs: Iterable[CheckRun]) -> Iterator[CheckRun]:
    """The checks, where each reason for being undecided is spelled out only once."""
    told: set[str] = set()
    for run in runs:
        again = run.verdict is Verdict.UNKNOWN and run.reason in told
        told.add(run.reason)
        yield replace(run, reason="for the same reason") if again and run.reason else run


def _show_run_of_check(console: Console, run: CheckRun) -> None:
    tone = tone_of(run.verdict)
    line = Text(f"{tone.sign} {run.verdict.value:<8}", style=STYLES[tone])
    line.append(clean_line(f"{run.section:<10} {run.title}"), style="default")
    extra = "".join(f"  {words}" for words in (measured(run), run.remark) if words)
    line.append(clean_line(f"  {duration(run.seconds)}{extra}"), style="dim")
    console.print(line, soft_wrap=True)


def _metrics(metrics: Mapping[str, Summary]) -> Table:
    """The table of metrics."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for word in ("p50", "p90", "p99", "p99.9", "max", "n"):
        table.add_column(word, justify="right")
    for name, summary in metrics.items():
        if summary.n == 0:
            continue
        if name == "reach":
            # For a share, p99 would be one of the best values: show mean and minimum instead.
            rows: list[tuple[str, tuple[str, ...]]] = [(f"{title_of(name)}, {word}", (which,)) for word, which in ENDS]
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
    for word in ("base", "candidate", "change", "95 % interval"):
        table.add_column(word, justify="right")
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


def _show_cautions(console: Console, cautions: Sequence[TrustWarning]) -> None:
    for caution in cautions:
        word = "void" if caution.figures else "untrusted" if caution.invalidates else "warning"
        _say(console, f"\n{word}: {caution.message}", "yellow")
        _say(console, f"  try: {caution.advice}")


def _say(console: Console, words: str, style: str = "") -> None:
    """Print plain text: markup is not interpreted, unsafe characters are escaped, and long lines are not wrapped."""
    lines = "\n".join(clean_line(line) for line in words.split("\n"))
    console.print(Text(lines, style=style), soft_wrap=True)
