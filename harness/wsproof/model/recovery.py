"""Recovery of a channel after its server has ended connections, such as in a restart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wsproof.model.nanoseconds import NS


@dataclass(frozen=True)
class Recovery:
    """What the users saw who come back after the server has ended their connections."""

    ended: int
    """The number of times that the server ended the connection of a user."""
    returned: int
    """How many of these times the user received messages again."""
    median_ns: int
    """Median time from the end of a connection until its user received messages again; 0 if none did."""
    longest_ns: int
    silent_ns: int
    """The longest time with due publications in which no member received any."""

    def to_json(self) -> dict[str, Any]:
        """Return the entry under `recovery`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Recovery:
        """The inverse of `to_json`."""
        return cls(**data)

    def sentence(self) -> str:
        """The recovery in words."""
        times = "once" if self.ended == 1 else f"{self.ended} times"
        ended = f"the server ended the connection of a user {times}"
        silence = f"; for {_seconds(self.silent_ns)} nobody received what was due" if self.silent_ns else ""
        if not self.returned:
            return f"{ended}, and no user has come back{silence}"
        all_users = "the user" if self.ended == 1 else "all users"
        who = all_users if self.returned == self.ended else f"{self.returned} of them"
        median, longest = _seconds(self.median_ns), _seconds(self.longest_ns)
        after = f"after {median}" if self.returned == 1 else f"after {median} in the median and {longest} at most"
        return f"{ended}; {who} received messages again, {after}{silence}"


def _seconds(duration_ns: int) -> str:
    return f"{duration_ns / NS:.1f} s"
