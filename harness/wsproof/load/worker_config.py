"""Configuration of a worker process, sent by the parent as one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from wsproof.errors import UsageError
from wsproof.model.arrivals import arrivals_from_job, arrivals_to_job
from wsproof.model.member_ids import MemberIds
from wsproof.model.plan import Plan
from wsproof.model.sizes import parse_sizes
from wsproof.net.endpoint import Endpoint
from wsproof.workloads import Workload, load_channels


@dataclass(frozen=True)
class WorkerConfig:
    """One worker's part of a plan. `index` counts the workers of the run from 0."""

    plan: Plan
    channels: str
    endpoint: Endpoint
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    share: MemberIds = field(default_factory=MemberIds)
    index: int = 0

    @property
    def members(self) -> range:
        """The members whose connections this worker holds.

        Members are assigned round robin, which spreads the publishers.
        """
        return range(self.index, self.plan.subscribers, self.plan.processes)

    def joining(self, step: int) -> list[int]:
        """The members of this worker that join in this step."""
        return [member for member in self.members if self.plan.step_of(member) == step]

    @property
    def connect_gap_s(self) -> float:
        """Shortest time, in seconds, between the starts of two of this worker's connections."""
        return self.plan.processes / self.plan.connect_hz if self.plan.connect_hz else 0.0

    def owns(self, member: int) -> bool:
        """Whether this worker holds the connection of `member`."""
        return member % self.plan.processes == self.index

    def workload(self) -> Workload:
        """Build the plan's workload.

        Raises:
            UsageError: the channels, their settings or the workload do not exist.
        """
        workloads = load_channels(self.channels, self.settings, base=1 + self.share.first)
        if self.plan.workload not in workloads:
            raise UsageError(
                f"There is no workload called {self.plan.workload!r} in the channels {self.channels}. "
                f"Those that exist: {', '.join(sorted(workloads))}."
            )
        return workloads[self.plan.workload]

    def encode(self) -> bytes:
        """Encode this configuration as a line of JSON."""
        document: dict[str, Any] = {
            "plan": asdict(self.plan)
            | {
                "arrivals": arrivals_to_job(self.plan.arrivals),
                "sizes": None if self.plan.sizes is None else str(self.plan.sizes),
            },
            "channels": self.channels,
            "endpoint": self.endpoint.to_json(),
            "folder": str(self.folder),
            "settings": dict(self.settings),
            "share": asdict(self.share),
            "index": self.index,
        }
        return json.dumps(document).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> WorkerConfig:
        """Decode a line of JSON: the inverse of `encode`."""
        document = json.loads(line)
        document["plan"]["arrivals"] = arrivals_from_job(document["plan"]["arrivals"])
        sizes = document["plan"]["sizes"]
        document["plan"]["sizes"] = None if sizes is None else parse_sizes(sizes)
        document["plan"] = Plan(**document["plan"])
        document["endpoint"] = Endpoint.from_json(document["endpoint"])
        document["folder"] = Path(document["folder"])
        document["share"] = MemberIds(**document["share"])
        return cls(**document)


def worker_configs(
    plan: Plan,
    *,
    channels: str,
    settings: Mapping[str, str],
    endpoint: Endpoint,
    share: MemberIds,
    folder: Path,
) -> list[WorkerConfig]:
    """Build one configuration per worker. All of them number their members from the same range of ids.

    Raises:
        UsageError: the channels, their settings or the workload do not exist.
    """
    configs = [
        WorkerConfig(plan, channels, endpoint, folder, settings, share, index) for index in range(plan.processes)
    ]
    configs[0].workload()
    return configs
