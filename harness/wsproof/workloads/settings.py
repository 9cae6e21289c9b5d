"""Settings of workloads: parsing `--set KEY=VALUE`, the setting `rooms`, and settings of a server that is started."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Mapping
from typing import ClassVar

from wsproof.errors import UsageError
from wsproof.workloads.base import Workload

__all__ = []


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


class WorkloadWithRooms(Workload, ABC):
    """A workload with the setting `rooms`. Its members take the rooms in turn."""

    usual_rooms: ClassVar[int] = 2
    """The number of rooms where the user has set none."""

    def __init__(self, settings: Mapping[str, str] | None = None, *, base: int = 1) -> None:
        super().__init__(settings, base=base)
        self.rooms = _rooms_of(self.settings, self.name, self.usual_rooms)

    def room_of(self, member: int) -> int:
        return member % self.rooms


def _rooms_of(settings: Mapping[str, str], name: str, usual: int) -> int:
    """The number of rooms that the user has set.

    Raises:
        UsageError: it is not a whole number of at least 1.
    """
    rooms = settings.get("rooms", str(usual))
    if not rooms.isdecimal() or int(rooms) < 1:
        raise UsageError(f"{name}.rooms must be a whole number of at least 1, not {rooms!r}: try {name}.rooms=10")
    return int(rooms)
