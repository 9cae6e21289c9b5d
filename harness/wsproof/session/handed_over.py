"""Options that `wsproof load` passes to the Locust process that it starts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

VARIABLE = "WSPROOF_LOAD"
"""The environment variable that holds all of it, as JSON. Arguments would show secrets in `ps`."""


@dataclass(frozen=True)
class HandedOver:
    """The target as `wsproof load` has started or reached it, and where the summary belongs.

    `endpoint` and `known_deviations` are JSON documents. `owned`: wsproof started the server, so no other run uses it.
    `summary` is the path of the summary to write. `secrets_to` is the file descriptor to which the child writes the
    secrets of its workloads. `columns` is the directory for the raw samples, and `pid` that of the server's process.
    """

    channels: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    endpoint: Mapping[str, Any] | None = field(default=None, repr=False)
    known_deviations: Mapping[str, Any] | None = None
    owned: bool = False
    summary: str | None = None
    secrets_to: int | None = None
    columns: str | None = None
    pid: int | None = None

    def to_environment(self) -> dict[str, str]:
        """The variable for the child process."""
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def from_environment(cls) -> HandedOver:
        """The inverse of `to_environment`. Nothing is set in a Locust that the user has started."""
        return cls(**json.loads(os.environ.get(VARIABLE, "{}")))
