"""The sentences of a run's report, shared by terminal, page and pull-request comment.

Each result has a sign as well as a colour, so that colour is never the only signal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from wsproof.model import reference_server
from wsproof.model.bench_record import GeneratorSetup
from wsproof.model.capacity import SearchEnding
from wsproof.model.chapter import SuiteName
from wsproof.model.comparison import Judgement
from wsproof.model.finding import UNDECIDED, Finding, Level, Verdict, severity
from wsproof.model.record import RunRecord
from wsproof.model.suite import CheckRun
from wsproof.model.summary import Summary
from wsproof.report.figures import NAMED, figure, void_figures
from wsproof.report.text.capacity import GOOD, capacity_sentence
from wsproof.report.text.check import too_little_time_of
from wsproof.report.text.units import for_reader, share
from wsproof.stats.metrics import METRICS_BY_NAME


class Tone(Enum):
    """Whether a result is good: a name, which is also a CSS class, and a sign."""

    GOOD = "good", "✓"
    BAD = "bad", "✗"
    UNSURE = "unsure", "?"
    NONE = "none", "–"

    @property
    def label(self) -> str:
        """Name and CSS class."""
        return self.value[0]

    @property
    def sign(self) -> str:
        """One character that stands for the tone."""
        return self.value[1]


@dataclass(frozen=True)
class AnswerText:
    """The answer to one of the four questions: a short badge and a sentence."""

    question: str
    badge: str
    tone: Tone
    sentence: str


def tone_of(verdict: Verdict | Judgement) -> Tone:
    """The tone of a verdict."""
    good = (Verdict.VALID, Judgement.SAME, Judgement.BETTER)
    bad = (Verdict.INVALID, Judgement.WORSE)
    return Tone.GOOD if verdict in good else Tone.BAD if verdict in bad else Tone.UNSURE


def standing(findings: Iterable[Finding]) -> list[Finding]:
    """Findings that are neither accepted nor observations, most severe first."""
    return sorted(
        (finding for finding in findings if finding.accepted is None and not _is_observed(finding)), key=severity
    )


def observations(findings: Iterable[Finding]) -> list[Finding]:
    """Findings that could not be reproduced. They are listed separately and do not count."""
    return sorted((finding for finding in findings if finding.accepted is None and _is_observed(finding)), key=severity)


def _is_observed(finding: Finding) -> bool:
    return finding.level is Level.OBSERVATION


def accepted(findings: Iterable[Finding]) -> list[Finding]:
    """Known deviations, which are listed but do not count."""
    return sorted((finding for finding in findings if finding.accepted is not None), key=severity)


def library_lines(findings: Iterable[Finding]) -> list[str]:
    """Lines such as "7 known deviations of uvicorn 0.54 on websockets 17.4", one per server library."""
    libraries = Counter(finding.library for finding in findings if finding.library is not None)
    return [f"{count(number, 'known deviation')} of {library}" for library, number in libraries.items()]


def level_of(finding: Finding) -> str:
    """The label of a finding: its level, or "cannot tell"."""
    return "cannot tell" if finding.anomaly in UNDECIDED else finding.level.value


def checks_of(record: RunRecord) -> list[CheckRun]:
    """The checks that were run, if any."""
    return list(record.check.checks_run) if record.check is not None else []


def title_of(name: str) -> str:
    """A metric's title, or that of one of its statistics: "Latency p99". The name may begin with a workload."""
    workload, separator, own = name.rpartition(": ")
    if separator:
        return f"{workload}: {title_of(own)}"
    metric = METRICS_BY_NAME.get(name)
    if metric is not None:
        return metric.title
    stem, _, statistic = name.rpartition("_")
    if stem in METRICS_BY_NAME and statistic in (*NAMED, "value"):
        return f"{METRICS_BY_NAME[stem].title} {NAMED.get(statistic, '')}".strip()
    return name.replace("_", " ")


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: 1 finding, 2 findings."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def target_of(record: RunRecord) -> str:
    """The tested target, by the name the user gave, and the server of an app.

    Empty if the record has no target.
    """
    return target_of_facts(record.target)


def target_of_facts(target: Mapping[str, Any]) -> str:
    """Like `target_of`, for the JSON description of a target."""
    name = str(target.get("spec") or target.get("url") or "")
    runs_app = target.get("kind") in ("asgi", reference_server.KIND) and target.get("server")
    return f"{name} ({target['server']})" if runs_app else name


STAMPS = {
    "kernel": "arrival times stamped by the kernel",
    "user": "arrival times stamped by the load generator when it read",
    None: "",
}
"""The clock of the arrival times; old records do not name it."""


def generator_sentence(generator: GeneratorSetup) -> str:
    """The load generator's processes, and whether the user chose them."""
    sentence = f"load from {count(generator.processes, 'process', 'processes')}"
    sentence += f" with {generator.loop}" if generator.loop else ""
    sentence += " and the compiled reader" if generator.reader == "compiled" else ""
    sentence += " (chosen by subscribers and free cores)" if generator.chosen else " (as requested)"
    cores = len(generator.cores)
    sentence += f" on {count(cores, 'dedicated core')}" if cores else ""
    return sentence + _stamps_clause(generator)


def _stamps_clause(generator: GeneratorSetup) -> str:
    """Say which clock stamped the receipts, and how many are less exact; empty if the record lacks it."""
    if generator.stamps is None:
        return ""
    clause = f"; {STAMPS[generator.stamps]}"
    intervals = generator.intervals
    if intervals is None or not intervals.messages:
        return clause
    return (
        f"{clause}; {count(intervals.messages, 'message')} read together with a later one, "
        f"99 % of them exact to within {for_reader(intervals.width_p99_ns, 'ns')}"
    )


def answers(record: RunRecord) -> tuple[AnswerText, ...]:
    """The answers to the four questions about a run."""
    return (_protocol(record), _delivery(record), _speed(record), _no_worse(record))


def _protocol(record: RunRecord) -> AnswerText:
    question = "Does it speak the protocol, whatever a client sends?"
    findings = [finding for finding in record.findings if finding.suite is SuiteName.PROTOCOL]
    runs = [run for run in checks_of(record) if run.suite is SuiteName.PROTOCOL]
    return _judged(
        question, findings, runs, "no violation of the protocol", "wsproof check", too_little_time_of(record)
    )


def _delivery(record: RunRecord) -> AnswerText:
    question = "Does every subscriber get every message, once, in order?"
    findings = [finding for finding in record.findings if finding.suite is SuiteName.CHANNELS]
    runs = [run for run in checks_of(record) if run.suite is SuiteName.CHANNELS]
    reach = record.metrics.get("reach")
    measured = reach is not None and reach.n > 0
    good, time = "no message was lost, repeated or out of order", too_little_time_of(record) if runs else ""
    answer = _judged(question, findings, runs, good, "wsproof check", time, measured)
    if reach is None or not measured or reach.mean is None:
        return answer
    under_load = (
        f" Under load, {share(reach.mean)} of the expected deliveries arrived ({count(reach.n, 'publication')})."
    )
    if reach.mean < 1 and answer.tone is Tone.GOOD:
        return AnswerText(question, "incomplete", Tone.BAD, under_load.strip())
    return AnswerText(question, answer.badge, answer.tone, answer.sentence + under_load)


def _judged(
    question: str,
    findings: list[Finding],
    runs: list[CheckRun],
    good: str,
    command: str,
    too_little_time: str,
    measured: bool = False,
) -> AnswerText:
    if not runs and not findings and not measured:
        return AnswerText(question, "not asked", Tone.NONE, f"This run did not check it. Use `{command}`.")
    deviations = accepted(findings)
    also = (
        f" {count(len(deviations), 'known deviation')} {'is' if len(deviations) == 1 else 'are'} accepted."
        if deviations
        else ""
    )
    counted = standing(findings)
    violations = [finding for finding in counted if finding.verdict() is Verdict.INVALID]
    if violations:
        return AnswerText(question, count(len(violations), "violation"), Tone.BAD, violations[0].explanation + also)
    unknown = [run for run in runs if run.verdict is Verdict.UNKNOWN]
    unsure = [finding for finding in counted if finding.verdict() is Verdict.UNKNOWN]
    if unknown or unsure:
        why = unsure[0].explanation if unsure else f"{unknown[0].title}: {unknown[0].reason or 'no reason was given'}"
        return AnswerText(question, "cannot tell", Tone.UNSURE, why + also)
    if too_little_time:
        return AnswerText(question, "cannot tell", Tone.UNSURE, too_little_time + also)
    weaker = f" {count(len(counted), 'weaker finding')}, see below." if counted else ""
    held = f"{count(len(runs), 'check')}: {good}." if runs else f"{good[0].upper()}{good[1:]}."
    return AnswerText(question, "yes", Tone.GOOD, held + weaker + also)


def _speed(record: RunRecord) -> AnswerText:
    question = "How long until the last of all subscribers has it?"
    last = record.metrics.get("time_to_last")
    if last is None or last.n == 0:
        last = record.metrics.get("feed_spread")
    if last is None or last.n == 0:
        if record.metrics and record.plan.get("loop") == "closed":
            return AnswerText(question, "not asked", Tone.NONE, closed_sentence(record))
        if record.metrics:
            return AnswerText(question, "cannot tell", Tone.UNSURE, "No publication reached its whole audience.")
        return AnswerText(question, "not asked", Tone.NONE, "This run did not measure it. Use `wsproof bench`.")
    sentence = speed_sentence(record, last)
    missed = [] if _unmarked(record) else missed_objectives(record)
    if missed:
        return AnswerText(question, "objective missed", Tone.BAD, f"{sentence} Missed: {', '.join(missed)}.")
    if _unmarked(record) or "p50" in last.void:
        voids = next((warning.message for warning in record.warnings if warning.invalidates), None)
        reason = last.void["p50"].reason if "p50" in last.void else voids
        why = f" Not trusted: {reason}" if reason else " The measurement is not trusted."
        return AnswerText(question, "untrusted", Tone.UNSURE, sentence + why)
    return AnswerText(question, for_reader(last.p50, last.unit), Tone.GOOD, sentence)


def speed_sentence(record: RunRecord, last: Summary, show: Callable[[Summary, str], str] = figure) -> str:
    """The speed in one sentence. `show` formats a figure, by default with the mark of a void one."""
    who = f"the last of {record.plan['subscribers']:,}" if record.plan.get("subscribers") else "the last subscriber"
    tail = f", p99 {show(last, 'p99')}" if last.p99 is not None else ""
    return f"Half of the messages reach {who} within {show(last, 'p50')}{tail}, the slowest took {show(last, 'max')}."


def closed_sentence(record: RunRecord) -> str:
    """The result of a closed-loop run."""
    rate = record.metrics.get("deliveries_per_s")
    moved = f"{for_reader(rate.value, rate.unit)} deliveries" if rate is not None and rate.n else "no delivery"
    return (
        f"A closed loop waits for the server, so it measures no latency: {moved}, {record.plan['in_flight']} in flight "
        "per publisher. To measure latency, use `wsproof bench` without --closed."
    )


def _no_worse(record: RunRecord) -> AnswerText:
    return AnswerText(
        "Did this branch make any of that worse?",
        "not asked",
        Tone.NONE,
        "One run alone cannot show it. Use `wsproof compare main HEAD`, which measures both in turn.",
    )


def _unmarked(record: RunRecord) -> bool:
    """Whether the measurement is untrusted as a whole, without marks on single figures."""
    return not record.trusted and not void_figures(record.metrics)


def _headline_is_void(record: RunRecord) -> bool:
    """Whether the main result is void: the median time of messages, in every metric that has it."""
    heads = [record.metrics.get(name) for name in ("time_to_last", "latency", "feed_spread")]
    measured = [summary for summary in heads if summary is not None and summary.n]
    return bool(measured) and all("p50" in summary.void for summary in measured)


def open_objectives(record: RunRecord) -> list[str]:
    """The `--slo` objectives that could not be decided."""
    return [outcome.objective for outcome in record.objectives if outcome.met is None]


def missed_objectives(record: RunRecord) -> list[str]:
    """The `--slo` objectives that the run missed."""
    return [outcome.objective for outcome in record.objectives if outcome.met is False]


def tone_of_run(record: RunRecord) -> Tone:
    """The tone of a run: good if it is complete and valid, its main result is trusted, and all objectives are met."""
    if record.verdict is Verdict.INVALID:
        return Tone.BAD
    ending = record.capacity.ending if record.capacity is not None else None
    if record.complete and ending is not None:
        missed = ending is SearchEnding.MISSED_AT_LOWEST
        return Tone.GOOD if ending in GOOD else Tone.BAD if missed else Tone.UNSURE
    if record.complete and missed_objectives(record) and not _unmarked(record):
        return Tone.BAD
    unsure = not record.complete or record.verdict is Verdict.UNKNOWN or open_objectives(record)
    untrusted = record.metrics and (_unmarked(record) or _headline_is_void(record))
    return Tone.UNSURE if unsure or untrusted else Tone.GOOD


def verdict_sentence(record: RunRecord) -> str:
    """The whole run in one sentence: a label, a colon, and the details."""
    if not record.complete:
        return "INCOMPLETE: the run ended early. The record has what was measured until then."
    if record.capacity is not None:
        return capacity_sentence(record.capacity)
    violations = [finding for finding in record.findings if finding.verdict() is Verdict.INVALID]
    if record.verdict is Verdict.INVALID:
        return f"INVALID: {count(len(violations), 'violation')}." if violations else "INVALID: a promise was broken."
    if (missed := missed_objectives(record)) and not _unmarked(record):
        return f"OBJECTIVE MISSED: {', '.join(missed)}."
    if record.verdict is Verdict.UNKNOWN:
        return f"CANNOT TELL: {too_little_time_of(record) or 'some checks could not be decided.'}"
    if undecided := open_objectives(record):
        return f"CANNOT TELL: no promise was broken, but {', '.join(undecided)} could not be decided."
    if record.metrics and (_unmarked(record) or _headline_is_void(record)):
        return "VALID, NOT TRUSTED: no promise was broken, but the figures are void (see the warnings)."
    if record.metrics and not record.trusted:
        number = count(len(void_figures(record.metrics)), "figure")
        return f"VALID: no promise was broken. {number} marked as void; the others stand."
    return "VALID: no promise was broken." if not record.metrics else "VALID and trusted: no promise was broken."
