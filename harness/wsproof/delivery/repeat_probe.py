"""The channel probe "repeated-inputs": a publication that its member sends again counts once."""

from __future__ import annotations

from dataclasses import replace

from wsproof.checks import run_checks
from wsproof.delivery.channel_probe import ChannelProbe, ProbeOutcome
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.delivery_property import is_spoken
from wsproof.delivery.execute import concluded
from wsproof.delivery.joining import let_all_in
from wsproof.delivery.runner import ScheduleRunner
from wsproof.model.finding import Anomaly, Finding
from wsproof.model.suite import SuiteOptions

CHECK = "repeated-inputs"
MEMBERS, PUBLICATIONS = 2, 4
"""Members, and publications of each. Each publication is sent twice at once, and once more at the end."""
NOT_SERVED = "a member could not join or was cut off, or a publication did not arrive: see the other checks"


def _run(runner: ScheduleRunner, options: SuiteOptions) -> ProbeOutcome:
    with runner.pool(options.deadline_s) as pool:
        if not _publish_twice(pool):
            return ProbeOutcome(unknown=NOT_SERVED)
        history = concluded(pool).history
    findings = run_checks(history, runner.workload.contract)
    return ProbeOutcome(tuple(_named(one) for one in findings if one.anomaly is Anomaly.DUPLICATED))


def _publish_twice(pool: ClientPool) -> bool:
    """Let members publish, and send each publication again: at once, and when all have it. False if one is cut off."""
    members = [pool.join() for _ in range(MEMBERS)]
    let_all_in(pool, members)
    sent = []
    for count in range(PUBLICATIONS):
        for member in members:
            if not member.can_send:
                return False
            message = pool.new_publication(member, f"input {count}")
            assert isinstance(message, str | bytes)
            pool.hand_over(member, message)
            pool.hand_over(member, message)
            sent.append((member, message))
    pool.settle()
    for member, message in sent:
        pool.hand_over(member, message)
    for member in members:  # what the server makes of the repetitions comes before these
        if member.can_send:
            pool.publish(member, "last input")
    pool.settle()
    return not pool.gave_up and all(member.can_send for member in members)


def _named(finding: Finding) -> Finding:
    explanation = (
        f"Members sent each publication again, as clients do that have missed a confirmation. {finding.explanation}"
    )
    return replace(finding, check=CHECK, explanation=explanation)


REPEATS = ChannelProbe(
    CHECK,
    "A publication that its member sends again counts once.",
    is_spoken,
    _run,
    needs=lambda workload: workload.repeats_count_once and not workload.publishes_outside,
)
"""The probe."""
