"""The violations of the corpus that were confirmed by hand, with the reasons: `judged.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping

from benchmarks.real_servers.environments import HERE

_COMMON = "common"


def true_violations() -> Mapping[str, Mapping[str, str]]:
    """The checks whose violation was confirmed, each with its reason, by server."""
    servers = tomllib.loads((HERE / "judged.toml").read_text(encoding="utf-8"))
    common = servers.pop(_COMMON)
    return {
        server: {check: common[check] if reason is True else reason for check, reason in checks.items()}
        for server, checks in servers.items()
    }
