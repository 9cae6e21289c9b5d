"""The state of wsproof in one Locust environment, in one object on that environment."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

from gevent.event import AsyncResult, Event
from gevent.lock import BoundedSemaphore

from wsproof.deviations import KnownDeviations
from wsproof.locust.live_load import LiveLoad
from wsproof.model.member_ids import MemberIds
from wsproof.session.locust_process import Handover
from wsproof.stats.objective import ObjectiveResult

if TYPE_CHECKING:
    from wsproof.locust.joint_verdict import WorkerAnswer
    from wsproof.locust.result import WorkloadResult
    from wsproof.locust.watcher import Watcher
    from wsproof.locust.workload_run import WorkloadRun

ATTRIBUTE = "wsproof"
"""Name of the attribute of Locust's environment."""


@dataclass
class LoadSession:
    """The state of wsproof in one Locust process. The second part belongs to the running test."""

    handed: Handover = field(default_factory=Handover.from_environment)
    servers: ExitStack = field(default_factory=ExitStack)
    """Servers that were started beside Locust. They are stopped when Locust quits."""
    urls: dict[str, str] = field(default_factory=dict)
    """The ws:// URL of each target by its name; the reference server is ""."""
    owned: set[str] = field(default_factory=set)
    """URLs of servers that wsproof has started, so that no other run uses them."""
    known: list[KnownDeviations] = field(default_factory=list)
    described: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The description of each target for the record, by its name."""
    pids: dict[str, int] = field(default_factory=dict)
    """The process of each server that runs on this machine and belongs to us, by its URL."""
    record: Path | None = None
    """The directory of the last test's record."""
    used: Counter[type] = field(default_factory=Counter)
    """Members of earlier tests in this process, per user class.

    New members get later numbers, so that late messages of earlier members are not taken for theirs.
    """
    judging: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(1))

    runs: dict[type, WorkloadRun] = field(default_factory=dict)
    share: AsyncResult[MemberIds] | None = None
    spawned: dict[str, int] | None = None
    """Users by class name when Locust had spawned all of them; None before."""
    results: list[WorkloadResult] = field(default_factory=list)
    answers: dict[str, WorkerAnswer] = field(default_factory=dict)
    """The measured runs of each worker that has sent them."""
    is_asked: Event = field(default_factory=Event)
    """Set in a worker once its master has asked for its measured runs."""
    is_released: Event = field(default_factory=Event)
    """Set in a worker once its master has all its measured runs."""
    workers: set[str] = field(default_factory=set)
    """All workers of the test, also those that have ended."""
    gone: set[str] = field(default_factory=set)
    """Workers that do not answer at present."""
    rate_factor: float = 1.0
    """The rate of all publications, as a multiple of the one that was asked for."""
    process_count: int = 1
    """The number of workers among which the publications are divided."""
    has_begun: bool = False
    """Whether a test has begun with users of ours."""
    mistakes: list[str] = field(default_factory=list)
    """The first mistake in the user's channel file; empty if there is none."""
    live: LiveLoad = field(default_factory=LiveLoad)
    watcher: Watcher | None = None
    reported: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Violations that have been reported as failures, by workload and check."""
    judged: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Violations of the final verdicts of all processes, by workload and check."""

    @property
    def objectives(self) -> list[ObjectiveResult]:
        """The outcomes of the objectives of all workloads."""
        return [objective for result in self.results for objective in result.objectives]

    def begin_test(self) -> None:
        """Forget the previous test."""
        self.forget_runs()
        self.share, self.spawned, self.live, self.process_count = None, None, LiveLoad(time()), 1
        self.rate_factor = 1.0
        self.is_asked.clear()
        self.is_released.clear()
        self.reported.clear()
        self.judged.clear()
        for collection in (self.results, self.answers, self.workers, self.gone, self.mistakes):
            collection.clear()

    def forget_runs(self) -> None:
        """Close the workload runs of the test."""
        for user_class, run in self.runs.items():
            run.close()
            self.used[user_class] += len(run.members)
        self.runs.clear()


def session_of(environment: Any) -> LoadSession:
    """The session of a Locust environment, made on first use."""
    if getattr(environment, ATTRIBUTE, None) is None:
        setattr(environment, ATTRIBUTE, LoadSession())
    session: LoadSession = getattr(environment, ATTRIBUTE)
    return session
