"""A TCP port of the loopback interface that nobody uses, and that nobody gets by chance."""

from __future__ import annotations

import random
import socket

# Below those that systems give to outgoing connections: one of these could take the port of a server that is about to
# start, or to come back. Every browser may go to them.
_PORTS = range(20_000, 32_000)
_chance = random.SystemRandom()


def free_port() -> int:
    while True:
        port = _chance.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
