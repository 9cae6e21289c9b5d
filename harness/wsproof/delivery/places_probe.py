"""The channel probe "places": members join until the server refuses one, leave politely or abruptly, and join again."""

from __future__ import annotations

from wsproof.checks.places import CHECK, Filling, judge_places
from wsproof.delivery.channel_probe import ChannelProbe, ProbeOutcome
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.departures import DEPARTURES
from wsproof.delivery.runner import ScheduleRunner
from wsproof.delivery.standing_presence import StandingPresence
from wsproof.errors import TargetError
from wsproof.model.history import Departure
from wsproof.model.suite import Figure, SuiteOptions
from wsproof.net.budget import BudgetSpent
from wsproof.net.clock import Deadline

MOST_MEMBERS = 130
"""Maximum number of members of a filling: more than the crowds of `volume`. The contract may promise more."""
FILLING_S = 3.0
"""Seconds for a filling. If the server is not full by then, the probe finds no limit."""
RETRIES_S = (3.0, 10.0)
"""Seconds between the fillings that show whether a place has come back. A busy server may notice a departure late."""
POLITELY, ABRUPTLY = "a close frame with code 1000", "TCP RST"
"""How the members of a filling leave: two of `DEPARTURES`."""


def _run(runner: ScheduleRunner, options: SuiteOptions) -> ProbeOutcome:
    promised = runner.workload.contract.connections
    most = MOST_MEMBERS if promised is None else promised + 1
    fillings = [_fill(runner, options, most, POLITELY)]
    if fillings[0].refusal:
        fillings.append(_fill(runner, options, most, POLITELY))
    if len(fillings) == 2 and fillings[0].members == fillings[1].members > 0:
        fillings.append(_fill(runner, options, most, ABRUPTLY))
        fillings.append(_fill(runner, options, most, POLITELY))
        for pause_s in RETRIES_S:
            if fillings[-1].members >= fillings[0].members:
                break
            if runner.budget.remaining_s < pause_s + FILLING_S:
                raise BudgetSpent  # places may come back after the end of the budget
            _wait(runner, options, pause_s)
            fillings.append(_fill(runner, options, most, POLITELY))
    findings = tuple(judge_places(fillings, runner.workload.contract))
    runner.broken = runner.broken or any(finding.level.counts for finding in findings)
    remark = "" if fillings[0].refusal else f"the server accepted all {fillings[0].members} members"
    measured = (Figure("members at once", fillings[0].members),)
    return ProbeOutcome(findings, len(fillings), measured, remark)


def _fill(runner: ScheduleRunner, options: SuiteOptions, most: int, how: str) -> Filling:
    """Let members join until the server refuses one, and let all of them leave in this way."""
    refusal, deadline = "", Deadline.after(runner.budget.at_most(FILLING_S))
    with runner.pool(options.deadline_s) as pool:
        while len(pool.members) < most and not (deadline.passed and pool.contract.connections is None):
            try:
                member = pool.join()
            except TargetError:
                break  # an unanswered handshake is no limit
            if not member.can_send:
                refusal = member.refusal or member.join_fault or "it ended the connection at once"
                break
        joined = [member for member in pool.members if member.can_send]
        lost = _unserved(pool) if pool.contract.connections is not None else ""
        for member in joined:
            if member.can_send:
                DEPARTURES[how](pool, member)
        pool.poll_once(0)
    return Filling(len(joined), refusal, how, lost)


def _unserved(pool: ClientPool) -> str:
    """Describe the members that were disconnected while one published, as a clause; empty if there are none."""
    speaker = next((member for member in pool.members if member.can_send), None)
    if speaker is not None and pool.setting.workload.publishes:
        pool.publish(speaker, "who is here?")
        pool.settle()
    cut = sum(member.departure is Departure.DROPPED for member in pool.members if member.connected_ns)
    return f"the server cut {cut} of them off" if cut else ""


def _wait(runner: ScheduleRunner, options: SuiteOptions, pause_s: float) -> None:
    """Give the server time to notice the departures, with nobody connected."""
    with runner.pool(options.deadline_s) as pool:
        pool.wait(lambda: False, pause_s)


PLACES = ChannelProbe(
    CHECK,
    "A server with a limit on connections accepts as many as it promises, and frees each place however its member "
    "leaves.",
    lambda contract: True,
    _run,
    standing=StandingPresence.AWAY,
)
