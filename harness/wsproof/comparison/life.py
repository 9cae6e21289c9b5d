"""One life of a comparison: fresh servers of both builds, alive at the same time and loaded in turn."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from statistics import mean
from types import TracebackType
from typing import Any, Self

import numpy as np

from wsproof.comparison.blocks import Load
from wsproof.comparison.build_error import BuildError
from wsproof.comparison.order import Side
from wsproof.deviations import KnownDeviations
from wsproof.errors import TargetError
from wsproof.load import Watcher
from wsproof.load.judging import judge_measurement
from wsproof.load.turns import IDLE_NS, LoadedInTurn, run_in_turns
from wsproof.model.finding import Finding
from wsproof.model.measurement import Measurement
from wsproof.model.nanoseconds import NS
from wsproof.model.server_end import ServerEnd
from wsproof.model.summary import Summary, TrustWarning
from wsproof.model.turns import Turns, turns_of
from wsproof.stats.compared_metrics import ASPECTS_BY_NAME, voids_judged
from wsproof.stats.round_values import RoundInterval, cpu_share, latency_spectrum, round_values
from wsproof.target.server import RunningServer, serve
from wsproof.target.target import Target

ONCE = ("memory_per_connection", "connect_time_p50")
"""Compared metrics that are measured once in a life: while the members connect."""
SIDES = (Side.BASE, Side.CANDIDATE, Side.BASE_AGAIN)
"""The servers of a life, in the order of their indexes in `Turns`."""
WINDOW_S = 0.06
"""Length of a window in seconds. Measured on a busy machine, identical builds, 15 s per life: with windows of 0.5 s the
lives' p50, p99 and CPU per delivery differed by 14, 21 and 2.9 % (standard deviation), with 0.06 s by 5, 6 and 0.5 %.
A disturbance of the machine often lasts for some tenths of a second, and then affects all builds alike."""
SHARED_CAUSES = frozenset({"schedule-slip", "generator-cpu", "concurrent-measurement"})
"""Codes of trust warnings whose causes hit all servers of a round alike, and add to no figure: latency counts from the
actual send. They make a comparison noisier, which its intervals show."""
WINDOWS = 2
"""Windows of each server per round: a mirrored pair, so that a linear drift cancels. On a busy machine the figures of a
longer round depend on which server's window a disturbance hits. Measured at a load average of 11 to 20,
lives of 10 s, identical builds: with rounds of 2 windows the p99 of a server differed by 6.5 % from life to life
(standard deviation), with 6 windows by 16 %, with 18 by 33 %. The p50 differed by 5.5, 7.0 and 7.8 %."""
ROUND_S = len(SIDES) * WINDOWS * WINDOW_S
WARMUP_ROUNDS = 3
"""Rounds at the start of a life that are not measured: one second."""


@dataclass(frozen=True)
class ServerResult:
    """The results of one server of a life: a figure per round of each compared metric, findings, trust warnings."""

    side: Side
    server: str
    values: Mapping[str, Sequence[float | None]]
    findings: tuple[Finding, ...] = ()
    warnings: tuple[TrustWarning, ...] = ()
    idle_share: float | None = None
    loaded_share: float | None = None
    """Share of a core that it used in its windows."""
    spectrum: Sequence[float | None] = ()
    """The percentiles `round_values.SPECTRUM` of its latencies."""
    once: Mapping[str, float] = field(default_factory=dict)
    """Figures of which a life has only one per server, such as its memory per connection."""

    @property
    def trusted(self) -> bool:
        """Whether all figures that a comparison judges are valid."""
        return not any(voids_judged(warning) for warning in self.warnings)

    def to_json(self) -> dict[str, Any]:
        """One server of a row of `lives.jsonl`."""
        return {
            "side": self.side.value,
            "server": self.server,
            "trusted": self.trusted,
            "idle_share": self.idle_share,
            "loaded_share": self.loaded_share,
            "spectrum": list(self.spectrum),
            "once": dict(self.once),
            "values": {name: list(values) for name, values in self.values.items()},
            "findings": [finding.to_json() for finding in self.findings],
            "warnings": [warning.to_json() for warning in self.warnings],
        }


@dataclass(frozen=True)
class LifeResult:
    """Result of one life. `index` counts lives from 0, `started` is the order in which the servers were started.

    `at_s` is the start of each round, in seconds after the start of the first.
    """

    index: int
    started: tuple[Side, ...]
    servers: tuple[ServerResult, ...]
    at_s: tuple[float, ...] = ()
    wall_s: float = 0.0
    cell: str = ""

    def of(self, side: Side) -> ServerResult:
        """The result of one server."""
        return next(server for server in self.servers if server.side is side)

    @property
    def idle_share(self) -> float | None:
        """Mean share of a core that a connected server used while none was loaded. None if not known."""
        shares = [server.idle_share for server in self.servers if server.idle_share is not None]
        return mean(shares) if shares else None

    def to_json(self) -> dict[str, Any]:
        """One row of `lives.jsonl`, which is stored as soon as the life is over."""
        return {
            "index": self.index,
            "cell": self.cell,
            "started": [side.value for side in self.started],
            "wall_s": round(self.wall_s, 3),
            "at_s": list(self.at_s),
            "servers": [server.to_json() for server in self.servers],
        }


def start_order(index: int, random: np.random.Generator) -> tuple[Side, ...]:
    """The order in which a life starts its servers. The candidate is first, second and last equally often."""
    bases = [Side.BASE, Side.BASE_AGAIN] if random.integers(2) else [Side.BASE_AGAIN, Side.BASE]
    bases.insert(index % len(SIDES), Side.CANDIDATE)
    return tuple(bases)


class StartedLife:
    """The running servers of a life. The end of the `with` block stops them, unless they were measured."""

    def __init__(self, index: int, targets: Mapping[Side, Target], load: Load, *, seed: int = 0) -> None:
        """Start base, candidate, and the base again.

        Raises:
            BuildError: a server cannot be started.
        """
        self.index = index
        self._began = time.monotonic()
        self._load = replace(load, plan=replace(load.plan, seed=seed + index))
        self._random = np.random.default_rng((seed, index))
        self._order = start_order(index, self._random)
        with ExitStack() as stack:
            self._servers = _start(stack, {side: targets[side] for side in self._order}, load.plan.subscribers)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def measure(self, rounds: int, progress: Watcher | None = None) -> MeasuredLife:
        """Load the servers in turn. The caller finishes the measured life, and so stops its servers.

        Raises:
            TargetError: a server cannot be reached.
            PartialRun: Ctrl-C or SIGTERM in the middle. A partial life is no evidence and is not kept.
        """
        turns = turns_of(
            len(SIDES),
            rounds=rounds,
            windows=WINDOWS,
            window_ns=int(WINDOW_S * NS),
            warmup=WARMUP_ROUNDS,
            random=self._random,
        )
        loaded = run_in_turns(
            self._load.plan,
            turns,
            [self._servers[side] for side in SIDES],
            channels=self._load.channels,
            settings=self._load.settings,
            progress=progress,
        )
        return MeasuredLife(self.index, self._began, self._order, self._servers, turns, loaded, self._stack.pop_all())


@dataclass(frozen=True)
class MeasuredLife:
    """A life that was measured, and not judged yet. Its servers are still alive."""

    index: int
    began: float
    order: tuple[Side, ...]
    servers: Mapping[Side, RunningServer]
    turns: Turns
    loaded: LoadedInTurn
    stack: ExitStack

    def finish(self) -> LifeResult:
        """Stop the servers, and judge the measurements meanwhile."""
        times = _measured_rounds(self.turns, self.loaded.start_ns)
        idle = RoundInterval(self.loaded.start_ns - IDLE_NS, self.loaded.start_ns)
        with self.stack, ThreadPoolExecutor(len(SIDES)) as pool:
            stopped = {side: StoppedServer.of(server) for side, server in self.servers.items()}
            stops = [pool.submit(server.stop) for server in self.servers.values()]
            results = tuple(
                _judged(side, stopped[side], measurement, times, idle)
                for side, measurement in zip(SIDES, self.loaded.measurements, strict=True)
            )
            for stop in stops:
                stop.result()
        at_s = tuple((round_interval.begin_ns - times[0].begin_ns) / NS for round_interval in times)
        return LifeResult(self.index, self.order, results, at_s, time.monotonic() - self.began)


@dataclass(frozen=True)
class StoppedServer:
    """The facts about a server that its judgement needs, read before the server was stopped."""

    name: str
    known_deviations: KnownDeviations
    secrets: tuple[str, ...]
    end: ServerEnd | None
    exception: tuple[str, ...]

    @classmethod
    def of(cls, server: RunningServer) -> Self:
        """Read everything of a server that is still alive, or that has ended by itself."""
        return cls(server.name, server.known_deviations, server.secrets, server.ended(), server.last_exception())

    def ended(self) -> ServerEnd | None:
        """The end of a server that ended by itself; None if it did not."""
        return self.end

    def last_exception(self) -> tuple[str, ...]:
        """The last exception that the server printed."""
        return self.exception


def _start(stack: ExitStack, targets: Mapping[Side, Target], connections: int) -> dict[Side, RunningServer]:
    """Start all servers in this order, without waiting for each to be ready before the next one."""
    with ThreadPoolExecutor(len(targets)) as pool:
        starting = {
            side: pool.submit(stack.enter_context, serve(target, connections=connections))
            for side, target in targets.items()
        }
    return {side: _started(side, future) for side, future in starting.items()}


def _started(side: Side, starting: Future[RunningServer]) -> RunningServer:
    try:
        return starting.result()
    except TargetError as failed:
        raise BuildError(side, str(failed)) from failed


def _measured_rounds(turns: Turns, start_ns: int) -> list[RoundInterval]:
    length = turns.round_ns
    return [
        RoundInterval(start_ns + number * length, start_ns + (number + 1) * length)
        for number in range(turns.warmup, turns.rounds)
    ]


def _judged(
    side: Side, server: StoppedServer, measurement: Measurement, rounds: Sequence[RoundInterval], idle: RoundInterval
) -> ServerResult:
    judged = judge_measurement(measurement, server)
    return ServerResult(
        side=side,
        server=server.name,
        values=round_values(measurement, rounds),
        findings=judged.findings,
        warnings=tuple(shared(warning) for warning in judged.warnings),
        idle_share=cpu_share(measurement.server, idle),
        loaded_share=_loaded_share(measurement, rounds),
        spectrum=latency_spectrum(measurement, rounds),
        once=once_per_life(judged.metrics),
    )


def _loaded_share(measurement: Measurement, rounds: Sequence[RoundInterval]) -> float | None:
    """Share of a core that a server used in its own windows, which are a third of the time."""
    share = cpu_share(measurement.server, RoundInterval(rounds[0].begin_ns, rounds[-1].end_ns))
    return None if share is None else share * len(SIDES)


def once_per_life(summaries: Mapping[str, Summary]) -> dict[str, float]:
    """The figures ONCE of one server, where they are known and positive."""
    values = ((name, ASPECTS_BY_NAME[name].of(summaries)) for name in ONCE)
    return {name: value for name, value in values if value is not None and value > 0}


def shared(warning: TrustWarning) -> TrustWarning:
    """The warning without void figures, if its cause hits all servers alike."""
    return replace(warning, figures=(), invalidates=False) if warning.code in SHARED_CAUSES else warning
