"""Parses `--set KEY=VALUE`, and derives the settings of a server that is started for some workloads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wsproof.errors import UsageError
from wsproof.workloads.base import Workload


def parse_settings(pairs: Iterable[str]) -> dict[str, str]:
    """Turn `["dashboard.period=0.1"]` into a mapping.

    Raises:
        UsageError: an entry has no `=` or no key.
    """
    settings = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"Expected KEY=VALUE, such as dashboard.period=0.1; got {pair!r}.")
        settings[key.strip()] = value
    return settings


def environment_of(workloads: Mapping[str, Workload]) -> dict[str, str]:
    """Environment variables that apply these workloads' settings to a server that wsproof starts."""
    environment: dict[str, str] = {}
    for workload in workloads.values():
        environment |= workload.server_environment()
    return environment


def wire_path_of(workloads: Mapping[str, Workload]) -> str | None:
    """The best path for protocol tests: the echo if there is one, else the path of the first workload."""
    if not workloads:
        return None
    return (workloads.get("echo") or next(iter(workloads.values()))).path(0)
