"""How many processes generate load where nobody says: by the subscribers, within the cores that the server leaves."""

from __future__ import annotations

from wsproof.net.cores import count_cores

PER_PROCESS = 250
"""Subscribers that one process reads for before another is of use. A broadcast to so many keeps it busy for some 3 ms
(12 µs a receipt), which is what the last of them waits for the first; fewer in each would only cut a burst in pieces
that are no longer read together. A run of 100 has one process on any machine, so its figures stay comparable."""


def choose_processes(subscribers: int, *, server_cores: int, workloads: int = 1) -> int:
    """One per PER_PROCESS subscribers, but never more than there are cores besides the server's, and one at least.

    `workloads`: several engines share these cores, and this is one of them.
    """
    left = (count_cores() - server_cores) // workloads
    return max(1, min(left, -(-subscribers // PER_PROCESS)))
