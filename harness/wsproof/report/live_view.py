"""The data of a running load, for its page and for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from wsproof.model.bench_record import ObjectiveOutcome
from wsproof.model.finding import Finding
from wsproof.model.load_second import LoadSecond
from wsproof.model.measurement import ServerUsage
from wsproof.model.summary import TrustWarning
from wsproof.stats.running import RunningLoad


@dataclass(frozen=True)
class LiveWorkload:
    """The users of one workload. `warnings` and the final findings are known once the test has ended."""

    name: str
    seconds: Sequence[LoadSecond] = ()
    """The newest seconds."""
    whole: RunningLoad = field(default_factory=RunningLoad)
    """The figures of the whole test."""
    findings: tuple[Finding, ...] = ()
    objectives: tuple[ObjectiveOutcome, ...] = ()
    warnings: tuple[TrustWarning, ...] = ()


@dataclass(frozen=True)
class LiveView:
    """A load that is running or has ended. `began_s` is the Unix time of its start, in seconds."""

    state: str
    target: str = ""
    began_s: float = 0.0
    workloads: tuple[LiveWorkload, ...] = ()
    servers: tuple[ServerUsage, ...] = ()
    notes: tuple[str, ...] = ()
    """Problems of the whole test in words, such as a worker that has ended."""
    remarks: tuple[str, ...] = ()
    """Sentences about the whole test that are no problem."""
    has_ended: bool = False
    has_record: bool = False
    is_strict: bool = False
