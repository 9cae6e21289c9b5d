"""A reconnect storm: all clients are dropped at once, and come back at once, or spread over some time."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from statistics import median

from wsproof.load.faults.dialling import Dialler, reset
from wsproof.load.faults.job import FaultJob
from wsproof.load.faults.joining_client import JoiningClient
from wsproof.model.fault_record import StormTurn
from wsproof.model.nanoseconds import NS
from wsproof.net.clock import Deadline, now_ns

TURNS = (False, True, True, False)
"""Whether the clients spread their return, turn by turn. The order is mirrored, which cancels a drift."""
ATTEMPT_S = 10.0
"""Seconds after which a client gives up an attempt."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
"""The pause after a failed attempt. It doubles each time."""
AT_ONCE = 16
"""Handshakes in progress at once before the first storm."""


class StormLine(asyncio.Protocol):
    """The connection of one client: it joins, and is served once a ping is answered after that."""

    def __init__(self, client: JoiningClient) -> None:
        self.client = client
        self.served: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Resolved with the reason why the client is not served; empty if it is."""
        self._transport: asyncio.Transport | None = None
        self._has_asked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self.client.start())

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        answer = self.client.receive(data, now_ns())
        if self.client.has_joined and not self._has_asked:
            self._has_asked = True
            answer += self.client.ping()
        if answer:
            self._transport.write(answer)
        if self.client.refusal:
            self._settle(self.client.refusal)
            self._transport.close()
        elif self._has_asked and self.client.pongs:
            self._settle("")

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle("the connection ended")

    def drop(self) -> None:
        """Reset the connection."""
        if self._transport is not None:
            reset(self._transport)

    def _settle(self, why: str) -> None:
        if not self.served.done():
            self.served.set_result(why)


@dataclass
class Attempts:
    """What happened since all clients were dropped: returns in seconds, and failed attempts."""

    returned_s: list[float] = field(default_factory=list)
    failed_s: list[float] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    def turn(self, clients: int, *, is_spread: bool) -> StormTurn:
        """The result of one turn."""
        returned = len(self.returned_s)
        per_second = Counter(int(at_s) for at_s in self.failed_s)
        return StormTurn(
            is_spread,
            clients,
            returned,
            max(self.returned_s, default=0.0) if returned == clients else None,
            median(self.returned_s) if returned else None,
            len(self.failed_s),
            max(per_second.values(), default=0),
            self.reasons.most_common(1)[0][0] if self.reasons else "",
        )


def pause_s(failures: int, *, is_spread: bool, rng: random.Random) -> float:
    """The pause after this many failed attempts in a row. With `is_spread`, it is drawn from the whole length."""
    longest_s = min(FIRST_PAUSE_S * 2 ** (failures - 1), LONGEST_PAUSE_S)
    return rng.uniform(0, longest_s) if is_spread else longest_s


class Storm:
    """Connects clients, then drops all of them at once and lets them come back, several times.

    `spread_s`: the time over which the clients of a spread return come back. `limit_s`: the time limit of a turn.
    """

    def __init__(self, job: FaultJob, clients: int, spread_s: float, limit_s: float) -> None:
        self._dialler = Dialler(job.worker.endpoint, job.worker.workload())
        self._clients = clients
        self._spread_s = spread_s
        self._limit_s = limit_s
        self._random = random.Random(job.worker.plan.seed)
        self._lines: dict[int, StormLine] = {}

    async def run(self) -> tuple[StormTurn, ...]:
        """Connect all clients, and let the storms pass. Only clients that could connect before take part."""
        await self._connect_all()
        members = sorted(self._lines)
        return tuple([await self._turn(members, is_spread=is_spread) for is_spread in TURNS] if members else [])

    async def _connect_all(self) -> None:
        waiting = iter(range(self._clients))

        async def connect_some() -> None:
            for member in waiting:
                await self._attempt(member, Deadline.after(self._limit_s))

        await asyncio.gather(*(connect_some() for _ in range(AT_ONCE)))

    async def _turn(self, members: list[int], *, is_spread: bool) -> StormTurn:
        attempts, began_ns, deadline = Attempts(), now_ns(), Deadline.after(self._limit_s)
        for line in self._lines.values():
            line.drop()
        self._lines.clear()
        coming = [self._come_back(each, attempts, began_ns, deadline, is_spread=is_spread) for each in members]
        await asyncio.gather(*coming)
        return attempts.turn(len(members), is_spread=is_spread)

    async def _come_back(
        self, member: int, attempts: Attempts, began_ns: int, deadline: Deadline, *, is_spread: bool
    ) -> None:
        if is_spread:
            await asyncio.sleep(self._random.uniform(0, self._spread_s))
        failures = 0
        while not deadline.passed:
            why = await self._attempt(member, deadline)
            at_s = (now_ns() - began_ns) / NS
            if not why:
                attempts.returned_s.append(at_s)
                return
            failures += 1
            attempts.failed_s.append(at_s)
            attempts.reasons[why] += 1
            await asyncio.sleep(pause_s(failures, is_spread=is_spread, rng=self._random))

    async def _attempt(self, member: int, deadline: Deadline) -> str:
        """Connect once. Returns why the client is not served; empty if it is."""
        line: StormLine | None = None
        try:
            async with asyncio.timeout(max(min(ATTEMPT_S, deadline.remaining_s), 0.001)):
                client = await self._dialler.client(member)
                line = await self._dialler.open(member, lambda: StormLine(client))
                why = await line.served
        except TimeoutError:
            why = "no answer within the time limit"
        except OSError as error:
            why = error.strerror or str(error)
        if why and line is not None:
            line.drop()
        elif line is not None:
            self._lines[member] = line
        return why
