"""Observations of members during a shutdown of their server, and around a disturbance that it should survive."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SeenEnd:
    """The end of one member's connection after the server was asked to end.

    `close_code` is None without a close frame. `missed` counts the publications that their sender had received back
    before, and that this member never got.
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

    `recovered_s` is None if not all members heard each other again within `waited_s`.
    """

    command: str
    members: int
    was_heard: bool
    """Whether all members had heard each other before."""
    cut_off: int
    """Members whose connection the server ended; they connected again."""
    recovered_s: float | None
    waited_s: float
    deaf: tuple[str, ...] = ()
    """The members that heard nothing more, by name, with their connections open."""
    fresh_hears: bool | None = None
    """Whether a member that joined after it heard something; None if it was not tried."""
    newcomers: int = 0
    """Members that joined when all was as before: the others had recovered, and a killed worker had been replaced."""
    unheard: tuple[str, str] | None = None
    """Two of all members then, of which the first did not hear the second, by name; None if all heard each other."""
