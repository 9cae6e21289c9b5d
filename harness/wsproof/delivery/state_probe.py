"""The channel probe "state-convergence": members that were there all the time, came back, or joined last agree."""

from __future__ import annotations

from dataclasses import replace

from wsproof.checks.state import CHECK, MemberState, agree, judge_states
from wsproof.delivery.altered_workload import is_left_unanswered, with_half_the_answers
from wsproof.delivery.channel_probe import ChannelProbe, ProbeOutcome
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.delivery_property import is_shared
from wsproof.delivery.joining import let_all_in
from wsproof.delivery.member import PoolMember
from wsproof.delivery.runner import ScheduleRunner
from wsproof.model.suite import SuiteOptions

TRIALS = 2
"""Number of trials in which states must differ for a violation, each with new members."""
PUBLICATIONS = 3
"""Publications of each member in each phase. Of these, the members answer the second: odd sequence numbers."""
NOT_SERVED = "a member could not join, or a publication did not arrive: see the other checks"
KEEPS_CHANGING = "messages kept arriving, so the states could not be compared"
NO_STATE = "the messages that members received do not describe a state"


def _run(runner: ScheduleRunner, options: SuiteOptions) -> ProbeOutcome:
    trials: list[list[MemberState]] = []
    while len(trials) < TRIALS and (not trials or not agree(trials[-1])):
        states = _try(runner, options)
        if isinstance(states, str):
            return ProbeOutcome(examples=len(trials), unknown=states)
        if all(one.state is None for one in states):
            return ProbeOutcome(examples=0, remark=NO_STATE)
        trials.append(states)
    return ProbeOutcome(tuple(judge_states(trials, runner.workload.contract)), len(trials))


def _try(runner: ScheduleRunner, options: SuiteOptions) -> list[MemberState] | str:
    """The states that the members know in the end, or why nothing is known."""
    setting = runner.pool_settings(options.deadline_s)
    workload = with_half_the_answers(runner.workload)
    pool = ClientPool(replace(setting, workload=workload, keeps_messages=True))
    try:
        members = _change_the_state(pool)
        if pool.gave_up or not all(member.can_send for member in members.values()):
            return NOT_SERVED
        silent_ns = pool.silent_ns
        agreed = pool.wait(lambda: agree(_states(pool, members)), quiet_s=setting.timeout_s)
        if not agreed and pool.silent_ns == silent_ns:
            return KEEPS_CHANGING
        return _states(pool, members)
    finally:
        _answer_the_rest(pool, runner)
        pool.disconnect_all()
        runner.first = pool.next_first


def _change_the_state(pool: ClientPool) -> dict[str, PoolMember]:
    """Let members publish while some leave, one comes back, and others join.

    Returns those that stay, by a description.
    """
    stays, talks, leaves, goes = first = [pool.join() for _ in range(4)]
    let_all_in(pool, first)
    _publish(pool, stays, talks, leaves)
    pool.close(leaves)
    pool.reset(goes)
    _publish(pool, stays, talks)
    returns = pool.join(leaves)
    late = pool.join()
    let_all_in(pool, [returns, late])
    _publish(pool, talks, returns, late)
    last = pool.join()
    notes = {
        stays: "there from the start",
        talks: "there from the start",
        returns: "which was away for a while",
        late: "which joined between two changes",
        last: "which joined last",
    }
    return {f"member {member.number} ({note})": member for member, note in notes.items()}


def _publish(pool: ClientPool, *members: PoolMember) -> None:
    """Let members publish in turn, without waiting for each other, and wait until all members have all messages."""
    for count in range(PUBLICATIONS):
        for member in members:
            if member.can_send:
                pool.publish(member, f"change {count}")
    pool.settle()


def _states(pool: ClientPool, members: dict[str, PoolMember]) -> list[MemberState]:
    state = pool.setting.workload.state
    return [MemberState(who, state(member.alias, member.received)) for who, member in members.items()]


def _answer_the_rest(pool: ClientPool, runner: ScheduleRunner) -> None:
    """Let members answer the publications that they left unanswered, so that the probe leaves nothing behind."""
    workload = runner.workload
    for member in pool.members:
        if not member.can_send:
            continue
        mine = [one for each in pool.members if each.alias == member.alias for one in each.received]
        for message in mine:
            if is_left_unanswered(workload, member.alias, message):
                for answer in workload.answer(member.alias, message):
                    pool.put(member, answer)
        member.client.receive_nowait()


STATE = ChannelProbe(
    CHECK,
    "Once nothing changes any more, all members know the same state, also those that came back or joined late.",
    is_shared,
    _run,
    needs=lambda workload: workload.has_state,
)
"""The probe."""
