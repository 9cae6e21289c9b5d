"""Reads of a connection by hand."""

from __future__ import annotations

from time import monotonic_ns

from wsproof.load.worker.connection import Connection


def read(connection: Connection, data: bytes) -> None:
    """Let a connection read data that has just arrived."""
    now_ns = monotonic_ns()
    connection.received(data, now_ns, now_ns)
