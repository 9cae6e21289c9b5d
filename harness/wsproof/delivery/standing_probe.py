"""The channel probe "long-lived-listeners": judges the standing members, which listened during all other checks."""

from __future__ import annotations

from wsproof.checks.standing import has_evidence, judge_standing, pings_in_words
from wsproof.delivery.channel_probe import ChannelProbe, ProbeOutcome
from wsproof.delivery.properties import PROPERTIES
from wsproof.delivery.runner import ScheduleRunner
from wsproof.delivery.schedule import Schedule, fitted
from wsproof.delivery.standing import StandingAudience
from wsproof.delivery.standing_presence import StandingPresence
from wsproof.model.contract import Contract
from wsproof.model.standing import StandingRecord
from wsproof.model.suite import Figure, SuiteOptions
from wsproof.net.budget import Budget

NAME = "long-lived-listeners"
"""Name of the test."""


def _run(runner: ScheduleRunner, options: SuiteOptions) -> ProbeOutcome:
    """Judge the standing audience of the suite. Without one, let an audience listen to a few schedules first."""
    shared = runner.audience
    if shared is not None and (shared.withdrawn or shared.knows(runner.workload.name)):
        return outcome_of(runner, shared)
    audience = runner.audience = StandingAudience(runner.seed)
    try:
        runner.gather()
        for schedule in listening_schedules(runner):
            runner.run_and_check(schedule, options.deadline_s)
        return outcome_of(runner, audience)
    finally:
        runner.audience = shared
        audience.stop()


def listening_schedules(runner: ScheduleRunner) -> tuple[Schedule, ...]:
    """Schedules in which standing members receive something: the edges of the channel's first property."""
    workload = runner.workload
    each = next(session for session in PROPERTIES if session.applies_to(workload))
    return tuple(fitted(edge, workload) for edge in each.edges)


def outcome_of(runner: ScheduleRunner, audience: StandingAudience) -> ProbeOutcome:
    """Run the checks on the observations of the channel's standing members."""
    record, contract = audience.record(runner.workload.name), runner.workload.contract
    unknown = ""
    if audience.withdrawn:
        unknown = audience.withdrawn
    elif not has_evidence(record, contract):
        unknown = _reason_unknown(record, runner.budget)
    return ProbeOutcome(
        tuple(judge_standing(record, contract)),
        len(record.sessions),
        _figures(record, contract),
        remark=pings_in_words(record),
        unknown=unknown,
    )


def _reason_unknown(record: StandingRecord, budget: Budget) -> str:
    """The reason why nothing is known about the standing members.

    Raises:
        BudgetSpent: the time of the run was over before they could hear anything.
    """
    refusal = next((session.refusal for session in record.sessions if session.refusal), "")
    if refusal:
        return f"not checked: no member that only listens could join: {refusal}"
    budget.check()
    return "not checked: the members that only listened received nothing"


def _figures(record: StandingRecord, contract: Contract) -> tuple[Figure, ...]:
    sessions = [session for session in record.sessions if not session.refusal]
    if not sessions:
        return ()
    longest = max(session.seconds for session in sessions)
    if contract.feed is not None:
        received = Figure("objects received", max(len(session.ticks) for session in sessions))
    else:
        received = Figure("messages received", max(len(session.received) for session in sessions))
    return Figure("longest connection", longest, "s"), received


STANDING = ChannelProbe(
    NAME,
    "Members that only listen receive every message for them, and no other, for as long as they stay.",
    lambda contract: True,
    _run,
    at_end=True,
    standing=StandingPresence.JUDGED,
)
