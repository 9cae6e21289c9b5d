"""A locustfile for busy machines: a slow worker is not taken for dead."""

from __future__ import annotations

from locust import runners

from scenarios.chat import ChatUser

__all__ = ["ChatUser"]

runners.HEARTBEAT_LIVENESS = 60
