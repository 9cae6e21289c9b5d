"""A workload run as it was measured: by one process, or by several together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsproof.load.files.history import pack_history, unpack_history
from wsproof.load.judging import JudgedMeasurement, UnknownServer, judge_measurement
from wsproof.locust.generator_fault import Freeze, excused
from wsproof.locust.restart import undecided_after_restart
from wsproof.model.contract import Contract
from wsproof.model.joined_history import HistoryPart, join_histories
from wsproof.model.measurement import ArrivalStamps, GeneratorUsage, Measurement
from wsproof.model.nanoseconds import NS
from wsproof.model.plan import Plan
from wsproof.stats.load_doubts import load_doubts


@dataclass(frozen=True)
class MeasuredRun:
    """The users of one class. `clock` is the name of the clock of all times.

    `first_publisher` is the id of the first member, and `is_ramp_complete` whether the measured window has begun.
    """

    user_class: str
    measurement: Measurement
    clock: str
    first_publisher: int = 0
    freezes: tuple[Freeze, ...] = ()
    is_ramp_complete: bool = True
    complete_until_ns: int = 0
    """See `HistoryPart`; 0: until the end of the drain."""

    def judged_measurement(self, users_asked: int) -> JudgedMeasurement:
        """Judge the history. `users_asked`: the number of users that Locust was asked for, in all classes.

        Only the master marks known deviations, since only it knows the server.
        """
        measurement = self.measurement
        doubts = load_doubts(measurement, is_ramp_complete=self.is_ramp_complete, users_asked=users_asked)
        judged = judge_measurement(measurement, UnknownServer(), doubts=doubts)
        members = measurement.history.members
        findings = excused(undecided_after_restart(judged.findings, members), self.freezes, members)
        return replace(judged, findings=tuple(findings))

    def to_message(self) -> dict[str, Any]:
        """The run as a worker sends it to its master."""
        plan, generator = self.measurement.plan, self.measurement.generator
        return {
            "user_class": self.user_class,
            "clock": self.clock,
            "first_publisher": self.first_publisher,
            "freezes": [[freeze.start_ns, freeze.end_ns] for freeze in self.freezes],
            "is_ramp_complete": self.is_ramp_complete,
            "complete_until_ns": self.complete_until_ns,
            "workload": plan.workload,
            "subscribers": plan.subscribers,
            "publishers": plan.publishers,
            "rate_hz": plan.rate_hz,
            "payload_bytes": plan.payload_bytes,
            "unsent": generator.unsent,
            "stamps": generator.stamps.clock,
            "tables": _pack(generator),
            "history": pack_history(self.measurement.history),
        }

    @classmethod
    def from_message(cls, message: dict[str, Any], contract: Contract) -> MeasuredRun:
        """The inverse of `to_message`. `contract`: that of the workload."""
        history = unpack_history(message["history"])
        plan = Plan(
            workload=message["workload"],
            subscribers=message["subscribers"],
            publishers=message["publishers"],
            rate_hz=message["rate_hz"],
            duration_s=(history.end_ns - history.start_ns) / NS,
            warmup_s=0.0,
            payload_bytes=message["payload_bytes"],
        )
        return cls(
            message["user_class"],
            Measurement(plan, contract, history, _unpack(message)),
            message["clock"],
            message["first_publisher"],
            tuple(Freeze(start_ns, end_ns) for start_ns, end_ns in message["freezes"]),
            message["is_ramp_complete"],
            message["complete_until_ns"],
        )

    def as_part(self) -> HistoryPart:
        """The history of this process, for a joined one."""
        history = self.measurement.history
        return HistoryPart(self.first_publisher, history, self.complete_until_ns or history.drained_ns)


def join_runs(runs: Sequence[MeasuredRun]) -> MeasuredRun:
    """The runs of several workers, with the same user class and the same clock, as one.

    Messages of workers that are not among them are left out, so a single run is changed, too.
    """
    history = join_histories([run.as_part() for run in runs])
    plans = [run.measurement.plan for run in runs]
    plan = replace(
        plans[0],
        subscribers=sum(part.subscribers for part in plans),
        publishers=sum(part.publishers for part in plans),
        rate_hz=sum(part.rate_hz for part in plans),
        duration_s=(history.end_ns - history.start_ns) / NS,
    )
    generator = _joined_usage([run.measurement.generator for run in runs])
    return MeasuredRun(
        runs[0].user_class,
        Measurement(plan, runs[0].measurement.contract, history, generator),
        runs[0].clock,
        freezes=tuple(freeze for run in runs for freeze in run.freezes),
        is_ramp_complete=all(run.is_ramp_complete for run in runs),
    )


def _joined_usage(usages: Sequence[GeneratorUsage]) -> GeneratorUsage:
    """The resource usage of all processes. Of each second, the CPU share of the busiest process counts."""
    shares = np.zeros((len(usages), max(len(usage.cpu_share) for usage in usages)))
    for row, usage in zip(shares, usages, strict=True):
        row[: len(usage.cpu_share)] = usage.cpu_share
    stamps = [usage.stamps for usage in usages]
    is_kernel = all(stamps_of_process.clock == "kernel" for stamps_of_process in stamps)
    return replace(
        usages[0],
        cpu_share=shares.max(axis=0),
        loop_lag_ns=np.concatenate([usage.loop_lag_ns for usage in usages]),
        unsent=sum(usage.unsent for usage in usages),
        processes=len(usages),
        stamps=_joined_stamps(stamps) if is_kernel else ArrivalStamps(),
    )


def _joined_stamps(stamps: Sequence[ArrivalStamps]) -> ArrivalStamps:
    def joined(name: str) -> NDArray[np.int64]:
        rows: NDArray[np.int64] = np.concatenate([getattr(stamps_of_process, name) for stamps_of_process in stamps])
        return rows[np.argsort(rows[:, 0], kind="stable")]

    return ArrivalStamps("kernel", joined("intervals"), joined("queues"), joined("steps"))


def _pack(usage: GeneratorUsage) -> bytes:
    packed, stamps = BytesIO(), usage.stamps
    np.savez_compressed(
        packed,
        cpu_share=usage.cpu_share,
        loop_lag_ns=usage.loop_lag_ns,
        intervals=stamps.intervals,
        queues=stamps.queues,
        steps=stamps.steps,
    )
    return packed.getvalue()


def _unpack(message: dict[str, Any]) -> GeneratorUsage:
    with np.load(BytesIO(message["tables"])) as tables:
        return GeneratorUsage(
            cpu_share=tables["cpu_share"],
            loop_lag_ns=tables["loop_lag_ns"],
            unsent=message["unsent"],
            loop="gevent",
            stamps=ArrivalStamps(message["stamps"], tables["intervals"], tables["queues"], tables["steps"]),
        )
