"""Runs a channel probe and puts its findings into the suite's report."""

from __future__ import annotations

from wsproof.delivery.channel_probe import ChannelProbe
from wsproof.delivery.rows import out_of_time, row_of, unanswered
from wsproof.delivery.runner import ReportedFinding, ScheduleRunner
from wsproof.delivery.shrink import reported
from wsproof.errors import TargetError
from wsproof.model.finding import Verdict, verdict_of
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.net.budget import BudgetSpent
from wsproof.net.clock import now_ns


def run_probe(runner: ScheduleRunner, check: ChannelProbe, options: SuiteOptions) -> SuiteReport:
    """Run a channel probe. A violation that this channel already has is not reported again."""
    began, workload = now_ns(), runner.workload
    try:
        outcome = check.run(runner, options)
    except BudgetSpent:
        return SuiteReport(options.seed, not_run=(out_of_time(workload, check),))
    except TargetError as fault:
        if runner.budget.spent:  # it left too little time for an answer
            return SuiteReport(options.seed, not_run=(out_of_time(workload, check),))
        unknown = row_of(workload, check, Verdict.UNKNOWN, 0, (now_ns() - began) / 1e9)
        return SuiteReport(options.seed, (unknown,), (unanswered(workload, check, fault),))
    new, verdict, remarks = [], Verdict.UNKNOWN if outcome.unknown else Verdict.VALID, [outcome.unknown]
    for finding in outcome.findings:
        reported_before = runner.reported_like(finding) if finding.level.counts else []
        earlier = next((entry.finding for entry in reported_before if entry.finding.level.counts), None)
        earlier = earlier or runner.split_that_explains(finding)
        if earlier is None:
            shown = reported(runner, check, finding, ())
            new.append(shown)
            runner.reported.append(ReportedFinding(finding.check, finding.anomaly, frozenset(), shown))
        else:
            runner.note_repeat(earlier, f"{workload.name}.{check.name}")
            remarks.append(f"the same finding as that of {earlier.check}")
            verdict = Verdict.INVALID
    verdict = Verdict.worst([verdict, verdict_of(new, strict=options.strict)])
    reason = "; ".join(dict.fromkeys(text for text in (*remarks, outcome.remark) if text))
    seconds = (now_ns() - began) / 1e9
    own = row_of(workload, check, verdict, outcome.examples, seconds, reason, outcome.measured)
    return SuiteReport(options.seed, (own,), tuple(new))
