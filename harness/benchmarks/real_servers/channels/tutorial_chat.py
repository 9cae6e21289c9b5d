"""The chat of FastAPI's documentation: the `tutorial` channels without the two that it lacks."""

from __future__ import annotations

from wsproof.workloads.chat import Chat

WORKLOADS = [Chat]
