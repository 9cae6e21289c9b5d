"""From `--set KEY=VALUE` to settings, and from workloads to what a server that is started for them must know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wsproof.errors import UsageError
from wsproof.workloads.base import Workload


def parse_settings(pairs: Iterable[str]) -> dict[str, str]:
    """`["dashboard.period=0.1"]` as a mapping.

    Raises:
        UsageError: an entry without `=` or without a key.
    """
    settings = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"Expected KEY=VALUE, such as dashboard.period=0.1; got {pair!r}.")
        settings[key.strip()] = value
    return settings


def environment_of(workloads: Mapping[str, Workload]) -> dict[str, str]:
    """The variables that make a server started by us behave as the settings of these workloads say."""
    environment: dict[str, str] = {}
    for workload in workloads.values():
        environment |= workload.server_environment()
    return environment


def wire_path_of(workloads: Mapping[str, Workload]) -> str | None:
    """Where the wire itself is best spoken to: the echo, where there is one, else the first workload's path."""
    if not workloads:
        return None
    return (workloads.get("echo") or next(iter(workloads.values()))).path(0)
