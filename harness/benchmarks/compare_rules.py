"""False positives and detection rate of the rules of `wsproof compare`, by a seeded simulation without a server.

    python harness/benchmarks/compare_rules.py [--trials 2000] [--seed 1]

Each trial is one whole comparison: four judged metrics, blocks in the order of `compare`, and A/A pairs. The values
have noise per block and the drift of the machine. "Heavy" noise is Student's t with 3 degrees of freedom. It is mostly
small with occasional outliers, like p99 on a shared machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from benchmarks.simulation_table import called_worse, print_table
from wsproof.comparison.order import Side, block_order
from wsproof.model.comparison import Judgement, MetricComparison
from wsproof.stats.compared_metrics import ASPECTS_BY_NAME
from wsproof.stats.comparison import judge_pairs
from wsproof.stats.paired import Pair

METRICS = ("latency_p50", "latency_p99", "time_to_last_p50", "server_cpu_per_delivery")


@dataclass(frozen=True)
class Scenario:
    """One simulated setting: pairs per comparison, and noise and true ratio for each metric of METRICS.

    The noise is the standard deviation of the logarithm. `heavy` names the metrics with heavy noise.
    """

    title: str
    pairs: int
    noise: tuple[float, float, float, float]
    ratio: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    heavy: tuple[str, ...] = ()
    drift: float = 0.10
    """Drift of the machine from the first block to the last, as a logarithm."""
    wander: float = 0.01
    """Standard deviation of the random walk's step between blocks, as a logarithm."""


@dataclass(frozen=True)
class Tally:
    """Shares of all trials.

    `alarmed`: a metric was called worse or better. `found`: the changed metric was called worse. `vetoed`: a verdict
    was vetoed. `same`: all metrics were called the same.
    """

    alarmed: float
    found: float
    vetoed: float
    same: float


QUIET, NOISY_P99, WILD = (0.03,) * 4, (0.03, 0.15, 0.03, 0.03), (0.30,) * 4
SCENARIOS = (
    Scenario("identical code, 3 % noise, 10 pairs", 10, QUIET),
    Scenario("identical code, 3 % noise, 8 pairs", 8, QUIET),
    Scenario("identical code, p99 heavy 15 %, 10 pairs", 10, NOISY_P99, heavy=("latency_p99",)),
    Scenario("identical code, 30 % noise, 8 pairs", 8, WILD),
    Scenario("identical code, all heavy 30 %, 8 pairs", 8, WILD, heavy=METRICS),
    Scenario("median latency +10 %, 3 % noise, 10 pairs", 10, QUIET, (1.10, 1, 1, 1)),
    Scenario("median latency +10 %, 3 % noise, 8 pairs", 8, QUIET, (1.10, 1, 1, 1)),
    Scenario("all +10 %, 3 % noise, 10 pairs", 10, QUIET, (1.10,) * 4),
    Scenario("median latency x5, 30 % noise, 8 pairs", 8, WILD, (5, 1, 1, 1)),
    Scenario("p99 x5, heavy 15 %, 8 pairs", 8, NOISY_P99, (1, 5, 1, 1), heavy=("latency_p99",)),
    Scenario("p99 x5, heavy 30 %, 8 pairs", 8, WILD, (1, 5, 1, 1), heavy=("latency_p99",)),
)


def simulate(scenario: Scenario, trials: int, seed: int) -> Tally:
    """Simulate comparisons in one scenario and count their verdicts."""
    random = np.random.default_rng(seed)
    changed = next((name for name, ratio in zip(METRICS, scenario.ratio, strict=True) if ratio != 1), None)
    alarmed = found = vetoed = same = 0
    for trial in range(trials):
        verdicts = {metric.metric: metric for metric in one_comparison(scenario, random, trial)}
        said = [metric.verdict for metric in verdicts.values()]
        alarmed += Judgement.WORSE in said or Judgement.BETTER in said
        found += changed is not None and verdicts[changed].verdict is Judgement.WORSE
        vetoed += any(metric.note.startswith("vetoed") for metric in verdicts.values())
        same += all(verdict is Judgement.SAME for verdict in said)
    return Tally(alarmed / trials, found / trials, vetoed / trials, same / trials)


def one_comparison(scenario: Scenario, random: np.random.Generator, seed: int) -> tuple[MetricComparison, ...]:
    """Simulate one comparison and return its judgement of each metric."""
    order = block_order(scenario.pairs, seed=seed)
    pairs: dict[str, list[Pair]] = {}
    identical: dict[str, list[Pair]] = {}
    for index, name in enumerate(METRICS):
        values = _blocks(scenario, index, len(order), random)
        by_pair: dict[tuple[bool, int], dict[Side, float]] = {}
        for block, value in zip(order, values, strict=True):
            true = scenario.ratio[index] if block.side is Side.CANDIDATE else 1.0
            by_pair.setdefault((block.identical, block.pair), {})[block.side] = float(value) * true
        for (aside, _), sides in by_pair.items():
            second = sides[Side.BASE_AGAIN] if aside else sides[Side.CANDIDATE]
            (identical if aside else pairs).setdefault(name, []).append((sides[Side.BASE], second))
    return judge_pairs(pairs, identical, aspects=[ASPECTS_BY_NAME[name] for name in METRICS], seed=seed)


def _blocks(scenario: Scenario, index: int, count: int, random: np.random.Generator) -> NDArray[np.float64]:
    machine = np.linspace(0, scenario.drift, count) + np.cumsum(random.normal(0, scenario.wander, count))
    size = scenario.noise[index]
    heavy = METRICS[index] in scenario.heavy
    noise = random.standard_t(3, count) * size / sqrt(3) if heavy else random.normal(0, size, count)
    values: NDArray[np.float64] = 1e6 * np.exp(machine + noise)
    return values


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all scenarios and print the table."""
    columns = ("world", "any worse or better", "the change called worse", "a veto", "all four same")
    about = "How often the rules of `wsproof compare` are wrong, by simulation."
    print_table(SCENARIOS, columns, _row, about=about, trials=2000, arguments=arguments)


def _row(scenario: Scenario, trials: int, seed: int) -> Sequence[str]:
    tally = simulate(scenario, trials, seed)
    found = called_worse(tally.found, scenario.ratio)
    return scenario.title, f"{tally.alarmed:.1%}", found, f"{tally.vetoed:.1%}", f"{tally.same:.1%}"


if __name__ == "__main__":
    main()
