"""Configuration of the process with the faulty clients, sent by the parent as one line of JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from wsproof.load.worker_config import WorkerConfig
from wsproof.model.fault_load import FaultLoad, parse_faults


@dataclass(frozen=True)
class FaultJob:
    """The faulty clients of a run. `worker` says where and how their members join.

    They have a share of the ids of their own, so that nobody takes them for healthy clients.
    """

    worker: WorkerConfig
    faults: FaultLoad

    @property
    def folder(self) -> Path:
        """The directory of the process's log."""
        return self.worker.folder

    @property
    def index(self) -> int:
        """There is one process."""
        return self.worker.index

    def encode(self) -> bytes:
        """Encode this configuration as a line of JSON."""
        worker = json.loads(self.worker.encode())
        return json.dumps({"worker": worker, "faults": str(self.faults)}).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> FaultJob:
        """Decode a line of JSON: the inverse of `encode`."""
        document = json.loads(line)
        faults = parse_faults(document["faults"]) if document["faults"] else FaultLoad()
        return cls(WorkerConfig.decode(json.dumps(document["worker"]).encode()), faults)
