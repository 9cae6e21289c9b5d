"""False positives and detection rate of windows in turn, by a seeded simulation without a server.

    python harness/benchmarks/compare_windows.py [--trials 1000] [--seed 1]

Each trial is one whole comparison: four judged metrics, lives of three servers (base, candidate, base again), one
figure of each server per round. All servers of a round share the state of the machine, which drifts and jumps. Each
server has an effect of its own in each life. The last column is the result of a test that flips the signs of single
rounds, as if lives had no effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.simulation_table import called_worse, print_table
from wsproof.model.comparison import Judgement, MetricComparison
from wsproof.stats.compared_metrics import ASPECTS_BY_NAME
from wsproof.stats.comparison import ALPHA, FEWEST_PAIRS, is_narrow, judge_lives, overall
from wsproof.stats.lives import Life
from wsproof.stats.permutation import two_sided_p

METRICS = ("latency_p50", "latency_p99", "time_to_last_p50", "server_cpu_per_delivery")
Four = tuple[float, float, float, float]
BUSY: Four = (0.4, 0.4, 0.4, 0.07)
"""Noise of a round as it was measured on two cores with a load average of 11 to 18."""


@dataclass(frozen=True)
class World:
    """One simulated setting. All noise is a standard deviation of the logarithm, per metric of METRICS.

    `noise` is that of a server in a single round, `life` the effect of one server process from start to end. `drift` is
    that of the machine over a whole life. In a share `slow` of the rounds the machine is twice as slow (two modes). A
    share `outliers` of the figures takes five times as long.
    """

    title: str
    noise: Four = (0.05, 0.20, 0.05, 0.04)
    life: Four = (0.01, 0.02, 0.01, 0.01)
    ratio: Four = (1.0, 1.0, 1.0, 1.0)
    lives: int = 14
    rounds: int = 60
    drift: float = 0.10
    slow: float = 0.0
    outliers: float = 0.0
    until: float | None = None
    """Width of all intervals at which the comparison ends (`--until`). `lives` is then the maximum."""


@dataclass(frozen=True)
class Verdicts:
    """Shares of all trials.

    `alarmed`: a metric was called worse or better. `found`: a changed metric was called worse. `same`: the comparison
    was called the same. `naive`: flipping single rounds finds a difference in the first metric.
    """

    alarmed: float
    found: float
    same: float
    naive: float


WORLDS = (
    World("identical code, quiet machine"),
    World("identical code, 8 lives", lives=8),
    World("identical code, process effects of 3 %", life=(0.03,) * 4),
    World("identical code, drift of 50 % in each life", drift=0.5),
    World("identical code, two modes of the machine", slow=0.3),
    World("identical code, outliers in 5 % of the figures", outliers=0.05),
    World("identical code, busy machine, 90 rounds", noise=BUSY, rounds=90),
    World("identical code, busy machine, 8 lives of 20 rounds", noise=BUSY, lives=8, rounds=20),
    World("identical code, --until 5%, process effects of 3 %", life=(0.03,) * 4, until=0.05),
    World("CPU +5 %", ratio=(1, 1, 1, 1.05)),
    World("p50 +5 %", ratio=(1.05, 1, 1, 1)),
    World("p99 +15 %", ratio=(1, 1.15, 1, 1)),
    World("CPU +5 %, two modes and outliers", ratio=(1, 1, 1, 1.05), slow=0.3, outliers=0.05),
    World("CPU +10 %, process effects of 3 %", ratio=(1, 1, 1, 1.10), life=(0.03,) * 4),
    World("CPU +5 %, busy machine, 90 rounds", ratio=(1, 1, 1, 1.05), noise=BUSY, rounds=90),
    World("p50 +5 %, busy machine, 90 rounds", ratio=(1.05, 1, 1, 1), noise=BUSY, rounds=90),
    World("p99 +15 %, busy machine, 90 rounds", ratio=(1, 1.15, 1, 1), noise=BUSY, rounds=90),
    World("p99 x2, noise of 30 %, 8 lives", ratio=(1, 2, 1, 1), noise=(0.3,) * 4, lives=8),
)


def simulate(world: World, trials: int, seed: int) -> Verdicts:
    """Simulate comparisons in one world and count their verdicts."""
    random = np.random.default_rng(seed)
    changed = {name for name, ratio in zip(METRICS, world.ratio, strict=True) if ratio != 1}
    alarmed = found = same = naive = 0
    for trial in range(trials):
        lives = shortened(lives_of(world, random), world)
        metrics = judged(lives, seed=trial)
        said = {metric.metric: metric.verdict for metric in metrics}
        alarmed += any(verdict in (Judgement.WORSE, Judgement.BETTER) for verdict in said.values())
        found += any(said[name] is Judgement.WORSE for name in changed)
        same += overall(metrics) is Judgement.SAME
        rounds = np.concatenate([life.differences for life in lives[METRICS[0]]])
        naive += two_sided_p(rounds, seed=trial, draws=1000) < ALPHA
    return Verdicts(alarmed / trials, found / trials, same / trials, naive / trials)


def judged(lives: dict[str, list[Life]], seed: int = 0) -> tuple[MetricComparison, ...]:
    """The judgement of one simulated comparison."""
    return judge_lives(lives, aspects=[ASPECTS_BY_NAME[name] for name in lives], seed=seed)


def shortened(lives: dict[str, list[Life]], world: World) -> dict[str, list[Life]]:
    """The lives until which the comparison would have gone on."""
    if world.until is None:
        return lives
    aspects = [ASPECTS_BY_NAME[name] for name in lives]
    for count in range(FEWEST_PAIRS, world.lives):
        so_far = {name: some[:count] for name, some in lives.items()}
        if is_narrow(so_far, world.until, aspects=aspects):
            return so_far
    return lives


def lives_of(world: World, random: np.random.Generator) -> dict[str, list[Life]]:
    """Simulate the windows of one comparison, by metric."""
    return {
        name: [Life(_rounds(world, index, random)) for _ in range(world.lives)] for index, name in enumerate(METRICS)
    }


def _rounds(world: World, index: int, random: np.random.Generator) -> NDArray[np.float64]:
    shape = (world.rounds, 3)
    weather = np.linspace(0, world.drift, world.rounds) + np.log(2) * (random.random(world.rounds) < world.slow)
    logs = weather[:, None] + random.normal(0, world.life[index], 3) + random.normal(0, world.noise[index], shape)
    logs += np.log(5) * (random.random(shape) < world.outliers)
    logs[:, 1] += np.log(world.ratio[index])
    return np.asarray(1e6 * np.exp(logs), np.float64)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all worlds and print the table."""
    columns = ("case", "any worse or better", "the change is worse", "same", "single rounds flipped")
    about = "How often windows in turn are wrong, by simulation."
    print_table(WORLDS, columns, _row, about=about, trials=1000, arguments=arguments)


def _row(world: World, trials: int, seed: int) -> Sequence[str]:
    tally = simulate(world, trials, seed)
    found = called_worse(tally.found, world.ratio)
    return world.title, f"{tally.alarmed:.1%}", found, f"{tally.same:.1%}", f"{tally.naive:.1%}"


if __name__ == "__main__":
    main()
