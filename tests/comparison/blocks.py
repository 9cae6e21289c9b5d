"""Results of comparison blocks, made by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wsproof import Finding, Level
from wsproof.comparison.blocks import BlockResult
from wsproof.comparison.order import Block, Side, block_order
from wsproof.model.finding import Anomaly
from wsproof.model.summary import Summary, TrustWarning

NOISE = (1.01, 0.99, 1.005, 0.995, 1.0)


def metrics(latency_ms: float) -> dict[str, Summary]:
    """Return the metrics of a block with this median latency, from which all other values are derived."""
    ns = latency_ms * 1e6
    return {
        "latency": Summary("ns", "lower", 1000, ns, p50=ns, p99=3 * ns),
        "time_to_last": Summary("ns", "lower", 100, 2 * ns, p50=2 * ns),
        "server_cpu_per_delivery": Summary("us", "lower", 1, 20.0, p50=20.0),
        "reach": Summary("0-1", "higher", 100, 1.0, mean=1.0, p50=1.0),
    }


def result(
    index: int,
    block: Block,
    latency_ms: float,
    *,
    findings: Iterable[Finding] = (),
    warnings: Iterable[TrustWarning] = (),
) -> BlockResult:
    """Return the result of one block with this median latency."""
    noisy_ms = latency_ms * NOISE[index % len(NOISE)]
    return BlockResult(index, block, metrics(noisy_ms), tuple(findings), tuple(warnings), "uvicorn", 1.0)


def results(
    candidate_ms: float,
    *,
    pairs: int = 8,
    findings: Callable[[Side], Iterable[Finding]] = lambda side: (),
    warnings: Callable[[int], Iterable[TrustWarning]] = lambda index: (),
) -> list[BlockResult]:
    """Return the results of a comparison with a base latency of 10 ms."""
    return [
        result(
            index,
            block,
            candidate_ms if block.side is Side.CANDIDATE else 10.0,
            findings=findings(block.side),
            warnings=warnings(index),
        )
        for index, block in enumerate(block_order(pairs, seed=1))
    ]


def finding(anomaly: Anomaly = Anomaly.LOST, level: Level = Level.VIOLATION, *, occurrences: int = 1) -> Finding:
    """Return a finding of the chat workload."""
    return Finding(anomaly.value, "chat", anomaly, level, f"{anomaly.value} was seen", occurrences=occurrences)
