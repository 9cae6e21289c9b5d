"""A locustfile whose own code keeps the load generator from sending on time."""

from __future__ import annotations

from time import monotonic

from locust import User, constant, task

from scenarios.chat import ChatUser

__all__ = ["Burner", "ChatUser"]


class Burner(User):
    """Blocks the event loop for 100 of about 101 ms."""

    fixed_count = 1
    wait_time = constant(0.001)

    @task
    def burn(self) -> None:
        end_s = monotonic() + 0.1
        while monotonic() < end_s:
            pass
