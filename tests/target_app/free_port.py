"""A free TCP port on loopback that no other process gets by chance."""

from __future__ import annotations

import random
import socket

# The ports are below those that systems give to outgoing connections, which could take the port of a server that is
# about to start or to restart. Browsers allow all of them.
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
