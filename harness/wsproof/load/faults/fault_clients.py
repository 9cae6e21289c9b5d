"""All faulty clients of a run: they come when a stretch of windows begins, and are gone when it ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import count

from wsproof.load.faults.dialling import Dialler
from wsproof.load.faults.fault_line import FaultLine
from wsproof.load.faults.job import FaultJob
from wsproof.model.fault_load import FaultKind
from wsproof.model.fault_record import FaultTally
from wsproof.model.fault_windows import FaultWindows
from wsproof.model.nanoseconds import NS
from wsproof.net.clock import now_ns

CONNECTS_S = 5.0
"""Seconds after which a client that has not joined is given up."""
AGAIN_S = 0.5
"""Seconds until a client that was refused or cut off is replaced."""
MEMBERS = 50_000
"""Numbers of faulty clients. After that many, the first one is used again."""
RESTS_SHARE = 0.1
"""Share of a stretch, at its end, in which no client comes any more."""


class FaultClients:
    """Lets faulty clients come and go, and counts them."""

    def __init__(self, job: FaultJob) -> None:
        workload = job.worker.workload()
        self._faults = job.faults
        self._dialler = Dialler(job.worker.endpoint, workload)
        self._numbers = count()
        self._lines: set[FaultLine] = set()
        self._connected: Counter[FaultKind] = Counter()
        self._refused: Counter[FaultKind] = Counter()
        self._cut_off: Counter[FaultKind] = Counter()

    async def follow(self, windows: FaultWindows) -> None:
        """Be there in all stretches of windows that want faulty clients."""
        for begin_ns, end_ns in windows.beside_runs:
            await asyncio.sleep(max(0, begin_ns - now_ns()) / NS)
            await self._be_there(end_ns)

    def tallies(self) -> tuple[FaultTally, ...]:
        """The numbers of each kind so far."""
        kinds = (*self._faults.standing, *self._faults.per_s)
        return tuple(
            FaultTally(str(kind), self._connected[kind], self._refused[kind], self._cut_off[kind]) for kind in kinds
        )

    async def _be_there(self, end_ns: int) -> None:
        """Let faulty clients come until shortly before `end_ns`, and end all of them then."""
        last_ns = end_ns - int(RESTS_SHARE * (end_ns - now_ns()))
        tasks = [
            asyncio.create_task(self._stay(kind, fills=not place))
            for kind, number in self._faults.standing.items()
            for place in range(number)
        ]
        tasks += [asyncio.create_task(self._come(kind, rate, last_ns)) for kind, rate in self._faults.per_s.items()]
        await asyncio.sleep(max(0, end_ns - now_ns()) / NS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for line in list(self._lines):
            self._account(line)
            line.abort()

    async def _stay(self, kind: FaultKind, *, fills: bool) -> None:
        """Keep one client of a standing kind connected. One that the server ends is replaced.

        Only one stalled client fills its buffers: pings cost the server time, and one client shows whether others wait.
        """
        while True:
            await self._one(kind, fills=fills)
            fills = False
            await asyncio.sleep(AGAIN_S)

    async def _come(self, kind: FaultKind, per_s: float, last_ns: int) -> None:
        """Start a client at each turn, without waiting for the one before."""
        started_ns = now_ns()
        async with asyncio.TaskGroup() as group:
            for turn in count():
                due_ns = started_ns + int((turn + 0.5) / per_s * NS)
                if due_ns >= last_ns:
                    return
                await asyncio.sleep(max(0, due_ns - now_ns()) / NS)
                group.create_task(self._one(kind))

    async def _one(self, kind: FaultKind, *, fills: bool = False) -> None:
        """Connect one client, let it do what its kind does, and wait for its end."""
        number = next(self._numbers)
        member = number % MEMBERS
        is_deaf = kind in (FaultKind.STALLED, FaultKind.SILENT)
        try:
            client = await self._dialler.client(member)
            async with asyncio.timeout(CONNECTS_S):
                line = await self._dialler.open(
                    member, lambda: FaultLine(kind, client, number, fills=fills), has_small_buffers=is_deaf
                )
        except OSError:  # refused, or not within the time (TimeoutError)
            self._refused[kind] += 1
            return
        self._lines.add(line)
        await asyncio.shield(line.ended)
        self._account(line)

    def _account(self, line: FaultLine) -> None:
        """Count a client at its end."""
        self._lines.discard(line)
        counter = self._connected if line.has_acted else self._refused
        counter[line.kind] += 1
        self._cut_off[line.kind] += line.was_cut_off
