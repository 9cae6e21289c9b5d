"""A summary for a comment on a pull request, in GitHub's Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from wsproof.model.comparison import Comparison
from wsproof.model.finding import Finding
from wsproof.model.record import RunRecord
from wsproof.model.summary import TrustWarning
from wsproof.report.figures import VOID, figure, trust_sentence
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
    accepted,
    answers,
    count,
    level_of,
    observations,
    standing,
    title_of,
    tone_of,
    tone_of_run,
    verdict_sentence,
)
from wsproof.report.text.sanitize import markdown_code, markdown_row, markdown_text
from wsproof.report.text.units import NOTHING, change, for_reader

MOST_FINDINGS = 10
"""Maximum number of findings in a comment. The page lists all."""
MOST_LINES = 30
"""Maximum number of witness lines per finding."""


def run_markdown(record: RunRecord) -> str:
    """One run: verdict, the four answers, the figures, findings and warnings."""
    tone = tone_of_run(record)
    parts = [f"## {tone.sign} wsproof {markdown_text(record.command)}: {markdown_text(verdict_sentence(record))}", ""]
    for answer in answers(record):
        line = f"- **{answer.tone.sign} {answer.question}** {markdown_text(answer.badge)}: "
        parts.append(line + markdown_text(answer.sentence))
    shown = {name: summary for name, summary in record.metrics.items() if summary.n}
    if shown:
        parts += ["", "| metric | p50 | p99 | max | n |", "| --- | ---: | ---: | ---: | ---: |"]
        for name, summary in shown.items():
            cells = [
                figure(summary, "value"),
                figure(summary, "p99"),
                figure(summary, "max") if summary.n > 1 else NOTHING,
            ]
            parts.append(markdown_row([markdown_text(title_of(name)), *cells, f"{summary.n:,}"]))
        if not record.trusted:
            parts += ["", markdown_text(f"{VOID} = void. {trust_sentence(record)}")]
    parts += _faults(record) + _findings(record.findings) + _warnings(record.warnings)
    return "\n".join(parts) + "\n"


def _faults(record: RunRecord) -> list[str]:
    parts: list[str] = []
    if record.faults is not None:
        first, *rest = fault_sentences(record.faults)
        parts += ["", "### Faulty clients", "", markdown_text(first), ""]
        parts += [
            "| figure | without | beside | change | 95 % interval | |",
            "| --- | ---: | ---: | ---: | :---: | --- |",
        ]
        for row in fault_rows(record.faults):
            parts.append(markdown_row([row.title, row.without, row.beside, row.change, row.interval, row.verdict]))
        parts += ["", *(f"- {markdown_text(sentence)}" for sentence in rest)]
    if record.reconnect_storm is not None:
        parts += ["", "### Reconnect storm", ""]
        parts += [f"- {markdown_text(sentence)}" for sentence in storm_sentences(record.reconnect_storm)]
    return parts


def comparison_markdown(comparison: Comparison) -> str:
    """One comparison: verdict, one row per metric, undecided metrics, new violations."""
    tone = tone_of(comparison.verdict)
    base, candidate = markdown_text(side(comparison.base)), markdown_text(side(comparison.candidate))
    parts = [
        f"## {tone.sign} wsproof compare: {markdown_text(comparison_sentence(comparison))}",
        "",
        f"{candidate} against {base}. {markdown_text(extent_sentence(comparison))}",
        "",
        "| metric | base | candidate | change | 95 % interval | verdict |",
        "| --- | ---: | ---: | ---: | :---: | --- |",
    ]
    for row in comparison.metrics:
        name = markdown_text(title_of(row.metric))
        cells = (
            f"**{name}**" if row.primary else name,
            for_reader(row.base, row.unit),
            for_reader(row.candidate, row.unit),
            change(row.ratio),
            interval(row),
            f"{tone_of(row.verdict).sign} {JUDGED[row.verdict]}",
        )
        parts.append(markdown_row(cells))
    remarks = [*judgement_notes(comparison), *difference_sentences(comparison)]
    if remarks:
        parts += ["", *(f"- {markdown_text(remark)}" for remark in remarks)]
    parts += _findings(comparison.findings) + _warnings(comparison.warnings)
    return "\n".join(parts) + "\n"


def _findings(findings: Iterable[Finding]) -> list[str]:
    findings = list(findings)
    counted, observed, deviations = standing(findings), observations(findings), accepted(findings)
    parts = ["", "### Findings"] if counted else []
    for finding in counted[:MOST_FINDINGS]:
        head = f"{level_of(finding)}, {finding.section}, {finding.check}: {finding.explanation}"
        parts += ["", f"**{markdown_text(head)}**", ""]
        if finding.witness:
            parts.append(markdown_code("\n".join(finding.witness[:MOST_LINES])))
        if finding.server_output:
            parts += ["", "The server wrote:", "", markdown_code("\n".join(finding.server_output))]
        if finding.replay:
            parts += ["", markdown_code(finding.replay)]
    if len(counted) > MOST_FINDINGS:
        parts += ["", f"… and {len(counted) - MOST_FINDINGS} more; the page lists all."]
    if observed:
        parts += ["", f"<details><summary>{count(len(observed), 'observation')}, not reproduced</summary>", ""]
        parts += [
            f"- {markdown_text(f'{finding.section} {finding.check}: {finding.explanation}')}" for finding in observed
        ]
        parts += ["", "</details>"]
    if deviations:
        parts += ["", f"<details><summary>{count(len(deviations), 'accepted deviation')}</summary>", ""]
        for finding in deviations:
            reason = f"{finding.section} {finding.check}: {finding.accepted}"
            parts.append(f"- {markdown_text(reason)}")
        parts += ["", "</details>"]
    return parts


def _warnings(warnings: Iterable[TrustWarning]) -> list[str]:
    lines = [
        f"- {_kind(warning)}: {markdown_text(warning.message)} {markdown_text(warning.advice)}" for warning in warnings
    ]
    return ["", "### Warnings", "", *lines] if lines else []


def _kind(warning: TrustWarning) -> str:
    return "**void**" if warning.figures else "**untrusted**" if warning.invalidates else "warning"
