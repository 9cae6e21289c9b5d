"""The channel probe "resource-release": members come and go in rounds, and the server must free their resources."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

from wsproof.checks.memory_growth import MemoryVerdict
from wsproof.checks.release import ROUNDS, ReleaseRecord, ReleaseRound, judge_release
from wsproof.delivery.channel_probe import ChannelProbe, ProbeOutcome
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.departures import DEPARTURES
from wsproof.delivery.member import PoolMember
from wsproof.delivery.pool_settings import PoolSettings
from wsproof.delivery.rate_pacer import source_of
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
FORBIDDEN = "403"
"""Status of a server that may have banned this address, because of the ways in which its members left."""


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
        record = ReleaseRecord(tuple(self.rounds))
        if record.may_leak_memory:
            record = self._in_turn(record, size)
        self._runner.first += 2 * MOST_MEMBERS
        return record

    def _in_turn(self, record: ReleaseRecord, size: int) -> ReleaseRecord:
        """Let members join and leave one after the other, until it is clear whether the memory grows on and on."""
        deadline = Deadline.after(self._runner.budget.at_most(2 * PROBE_S))
        while not deadline.passed and record.memory_growth.verdict is MemoryVerdict.UNDECIDED:
            is_whole = self._round(size, at_once=1) == size
            record = replace(record, in_turn=(*record.in_turn, self.rounds[-1]))
            if not is_whole:
                break
        return record

    def _round(self, size: int, at_once: int = MOST_MEMBERS) -> int:
        """Let `size` members join, `at_once` at a time, and leave in all ways. Returns how many could join."""
        pool = ClientPool(self._runner.pool_settings(self._options.deadline_s))
        ways = iter(_ways(size))
        count = 0
        try:
            while group := tuple(islice(ways, at_once)):
                members = self._join(pool, len(group))
                count += len(members)
                for member, leave in zip(members, group, strict=False):
                    if member.can_send:
                        leave(pool, member)
                if len(members) < len(group):
                    break
            pool.poll_once(0)
        finally:
            pool.disconnect_all()
        self.joined += count
        self.rounds.append(self._measured(count))
        return count

    def _join(self, pool: ClientPool, count: int) -> list[PoolMember]:
        """Let up to `count` members join, until the server refuses one."""
        members: list[PoolMember] = []
        for _ in range(count):
            member = pool.join()
            if member.departure is Departure.REFUSED or not member.can_send:
                self.refusal = member.refusal or "it ended the connection at once"
                break
            members.append(member)
        return members

    def _is_turned_away(self) -> bool:
        """Whether the server still refuses a member, some time later and with nobody connected."""
        if TOO_MANY_REQUESTS in self.refusal:
            return False
        time.sleep(self._runner.budget.at_most(RETRY_S))
        self._runner.budget.check()
        settings = self._runner.pool_settings(self._options.deadline_s)
        return not (_serves(settings) or (FORBIDDEN in self.refusal and _serves_elsewhere(settings)))

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


def _serves(settings: PoolSettings) -> bool:
    """Whether the server accepts a member."""
    pool = ClientPool(settings)
    try:
        return pool.join().can_send
    finally:
        pool.disconnect_all()


def _serves_elsewhere(settings: PoolSettings) -> bool:
    """Whether the server accepts a member from another address: then it bans this one. False if there is no other."""
    source = source_of(settings.first + MOST_MEMBERS, settings.endpoint)
    return bool(source) and _serves(replace(settings, endpoint=replace(settings.endpoint, source=source)))


def _ways(count: int) -> list[Callable[[ClientPool, PoolMember], None]]:
    """As many ways to leave as members, spread evenly over all of them: a small round has close frames, FIN and RST."""
    ways = list(DEPARTURES.values())
    return [ways[at * len(ways) // count] for at in range(count)]


def _run(runner: ScheduleRunner, options: SuiteOptions) -> ProbeOutcome:
    rounds = _Rounds(runner, options)
    record = rounds.run()
    findings = tuple(judge_release(record, runner.workload.contract))
    runner.broken = runner.broken or any(finding.level.counts for finding in findings)
    remark = (
        "the process of the server is not visible on this machine" if runner.server.pid is None else _remark(record)
    )
    figures = (Figure("members that came and went", rounds.joined),)
    return ProbeOutcome(findings, len(record.rounds) + len(record.in_turn), figures, remark)


def _remark(record: ReleaseRecord) -> str:
    """What the memory showed, if it grew and the time did not suffice for a verdict; else empty."""
    growth = record.memory_growth
    if growth.verdict is not MemoryVerdict.UNDECIDED or not growth.is_suspected:
        return ""
    return (
        f"the server's memory grew by {growth.bytes_per_member / 1024:.1f} KiB for each of {growth.members} members "
        "that joined and left; more members are needed to tell a leak from garbage that is not collected yet"
    )


RELEASE = ChannelProbe(
    "resource-release",
    "The server frees all that it held for members that have left, in any way, so that others can join.",
    lambda contract: True,
    _run,
)
