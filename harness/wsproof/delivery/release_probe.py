"""The channel probe "resource-release": members come and go in rounds, and the server must free their resources."""

from __future__ import annotations

import time
from itertools import cycle

from wsproof.checks.release import ROUNDS, ReleaseRecord, ReleaseRound, has_memory_leak, judge_release
from wsproof.delivery.channel_probe import ChannelProbe, ProbeOutcome
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.departures import DEPARTURES
from wsproof.delivery.member import PoolMember
from wsproof.delivery.runner import ScheduleRunner
from wsproof.machine.usage import TreeMeter
from wsproof.model.history import Departure
from wsproof.model.suite import Figure, SuiteOptions
from wsproof.net.clock import Deadline, now_ns

MOST_MEMBERS = 24
"""Maximum number of members of a round: about one for each way to leave."""
FEWEST_MEMBERS = 4
PROBE_S = 4.0
"""Seconds for all rounds. A slow server gets smaller rounds."""
RELEASE_S = 1.0
"""Seconds that the server has to close its descriptors after a round."""
SHORT_RELEASE_S = 0.2
"""Like RELEASE_S, after a round that has left descriptors open."""
RETRY_S = 3.0
"""Seconds after which a refusal is no longer temporary."""
POLL_S = 0.02
"""Seconds between two measurements of the server's process."""
TOO_MANY_REQUESTS = "429"
"""Status of a server that limits how often a client connects, which is no fault."""


class _Rounds:
    """Lets members of the same names come and go, and measures the server after each round."""

    def __init__(self, runner: ScheduleRunner, options: SuiteOptions) -> None:
        self._runner, self._options = runner, options
        pid = runner.server.pid
        self._meter = TreeMeter(pid) if pid is not None else None
        self.rounds: list[ReleaseRound] = []
        self.joined = 0
        self.refusal = ""

    def run(self) -> ReleaseRecord:
        """Run the warm-up and all rounds."""
        began = now_ns()
        size = max(1, self._round(MOST_MEMBERS) // (2 if self.refusal else 1))
        self.refusal = ""  # the warm-up may have met a limit on members at once
        took_s = max((now_ns() - began) / 1e9, 1e-3)
        size = min(size, max(FEWEST_MEMBERS, int(size * PROBE_S / ROUNDS / took_s)))
        deadline = Deadline.after(self._runner.budget.at_most(2 * PROBE_S))
        for _ in range(ROUNDS):
            if deadline.passed:
                break
            before = self.joined
            if self._round(size) < size and self._is_turned_away():
                return ReleaseRecord(tuple(self.rounds), self.refusal, before)
        if has_memory_leak(tuple(self.rounds)):
            self._continue(2 * size)
        self._runner.first += 2 * MOST_MEMBERS
        return ReleaseRecord(tuple(self.rounds))

    def _continue(self, size: int) -> None:
        """Run as many larger rounds, which give a garbage collector the time to run."""
        self.rounds = self.rounds[-1:]
        deadline = Deadline.after(self._runner.budget.at_most(2 * PROBE_S))
        for _ in range(ROUNDS):
            if deadline.passed or self._round(size) < size:
                break

    def _round(self, size: int) -> int:
        """Let `size` members join, and leave in all ways. Returns the number of members that could join."""
        pool = ClientPool(self._runner.pool_settings(self._options.deadline_s))
        members: list[PoolMember] = []
        try:
            for _ in range(size):
                member = pool.join()
                if member.departure is Departure.REFUSED or not member.can_send:
                    self.refusal = member.refusal or "it ended the connection at once"
                    break
                members.append(member)
            for member, how in zip(members, cycle(DEPARTURES), strict=False):
                if member.can_send:
                    DEPARTURES[how](pool, member)
            pool.poll_once(0)
        finally:
            pool.disconnect_all()
        self.joined += len(members)
        self.rounds.append(self._measured(len(members)))
        return len(members)

    def _is_turned_away(self) -> bool:
        """Whether the server still refuses a member, some time later and with nobody connected."""
        if TOO_MANY_REQUESTS in self.refusal:
            return False
        time.sleep(self._runner.budget.at_most(RETRY_S))
        self._runner.budget.check()
        pool = ClientPool(self._runner.pool_settings(self._options.deadline_s))
        try:
            return not pool.join().can_send
        finally:
            pool.disconnect_all()

    def _measured(self, connections: int) -> ReleaseRound:
        """The resources of the server, after it had time to close descriptors."""
        if self._meter is None:
            return ReleaseRound(connections)
        counts = [earlier.fds for earlier in self.rounds if earlier.fds is not None]
        least = min(counts, default=0)
        until = Deadline.after(
            SHORT_RELEASE_S if counts and counts[-1] > counts[0] else RELEASE_S if counts else SHORT_RELEASE_S
        )
        fds = self._meter.fds()
        while fds is not None and fds > least and not until.passed:
            time.sleep(POLL_S)
            fds = self._meter.fds()
        return ReleaseRound(connections, fds, self._meter.threads(), self._meter.private_bytes())


def _run(runner: ScheduleRunner, options: SuiteOptions) -> ProbeOutcome:
    rounds = _Rounds(runner, options)
    record = rounds.run()
    findings = tuple(judge_release(record, runner.workload.contract))
    runner.broken = runner.broken or any(finding.level.counts for finding in findings)
    remark = "" if runner.server.pid is not None else "the process of the server is not visible on this machine"
    return ProbeOutcome(findings, len(record.rounds), (Figure("members that came and went", rounds.joined),), remark)


RELEASE = ChannelProbe(
    "resource-release",
    "The server frees all that it held for members that have left, in any way, so that others can join.",
    lambda contract: True,
    _run,
)
