"""Runs a channel probe and puts its findings into the suite's report."""

from __future__ import annotations

from wsproof.delivery.channel_probe import ChannelProbe
from wsproof.delivery.rows import out_of_time, row_of, unanswered
from wsproof.delivery.runner import ScheduleRunner, Told
from wsproof.delivery.shrink import told
from wsproof.errors import TargetError
from wsproof.model.finding import Verdict, verdict_of
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.net.budget import BudgetSpent
from wsproof.net.clock import now_ns


def probed(runner: ScheduleRunner, each: ChannelProbe, options: SuiteOptions) -> SuiteReport:
    """Run a channel probe. A violation that this channel already has is not reported again."""
    began, workload = now_ns(), runner.workload
    try:
        outcome = each.run(runner, options)
    except BudgetSpent:
        return SuiteReport(options.seed, not_run=(out_of_time(workload, each),))
    except TargetError as fault:
        if runner.budget.spent:  # it left too little time for an answer
            return SuiteReport(options.seed, not_run=(out_of_time(workload, each),))
        unknown = row_of(workload, each, Verdict.UNKNOWN, 0, (now_ns() - began) / 1e9)
        return SuiteReport(options.seed, (unknown,), (unanswered(workload, each, fault),))
    kept, verdict, remarks = [], Verdict.UNKNOWN if outcome.unknown else Verdict.VALID, [outcome.unknown]
    for finding in outcome.findings:
        before = runner.told_like(finding) if finding.level.counts else []
        same = next((one for one in before if one.finding.level.counts), None)
        if same is None:
            shown = told(runner, each, finding, ())
            kept.append(shown)
            runner.told.append(Told(finding.check, finding.anomaly, frozenset(), shown))
        else:
            runner.tell_again(same.finding, f"{workload.name}.{each.name}")
            remarks.append(f"the same as was found before, by {same.finding.check}")
            verdict = Verdict.INVALID
    verdict = Verdict.worst([verdict, verdict_of(kept, strict=options.strict)])
    reason = "; ".join(dict.fromkeys(words for words in (*remarks, outcome.remark) if words))
    seconds = (now_ns() - began) / 1e9
    own = row_of(workload, each, verdict, outcome.examples, seconds, reason, outcome.measured)
    return SuiteReport(options.seed, (own,), tuple(kept))
