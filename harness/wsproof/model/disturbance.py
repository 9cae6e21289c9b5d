"""Observations of members during a shutdown of their server, and around a disturbance."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SeenEnd:
    """The end of one member's connection after the server was asked to end.

    `close_code` is None without a close frame. `missed` counts the publications that this member never received,
    although their publisher had received them before the end.
    """

    name: str
    is_reading: bool
    has_ended: bool
    close_code: int | None
    missed: int = 0


@dataclass(frozen=True)
class ShutdownRecord:
    """The shutdown of a server with open connections. `exit_s` is None if the process did not end within `waited_s`."""

    ends: tuple[SeenEnd, ...]
    exit_s: float | None
    waited_s: float


@dataclass(frozen=True)
class DisturbanceRecord:
    """The state of the members after a disturbance behind their server.

    `recovered_s` is None if not all members received each other's messages again within `waited_s`.
    """

    command: str
    members: int
    was_delivering: bool
    """Whether all members had received each other's messages before."""
    cut_off: int
    """Members whose connection the server ended; they connected again."""
    recovered_s: float | None
    waited_s: float
    unserved: tuple[str, ...] = ()
    """Names of the members that received nothing more, although their connections were open."""
    is_newcomer_served: bool | None = None
    """Whether a member that joined afterwards received a message; None if it was not tried."""
    newcomers: int = 0
    """Members that joined after the recovery, when a killed worker had been replaced."""
    lost_pair: tuple[str, str] | None = None
    """Names of a member, and of a publisher whose messages it did not receive once newcomers had joined."""
