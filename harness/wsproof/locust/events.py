"""Events for other plugins. They are hooks on Locust's `events`, and fire in the process of the users.

    @events.ws_ended.add_listener
    def on_end(workload, member, close_code, **_):
        print(workload, close_code)

- `ws_connected(workload, member, milliseconds)`: a user has completed its handshake.
- `ws_ended(workload, member, close_code)`: the server has ended a connection; None without a close frame.
- `ws_reached_all(workload, milliseconds)`: the last member has received a publication, this long after its intended
time.
- `ws_times(name, milliseconds, response_length)`: a batch of times, as in Locust's table: `milliseconds` is a list, and
  `name` is "chat: latency from intended time" for the deliveries of the last 50 ms.
"""

from __future__ import annotations

from typing import Any

from locust.event import EventHook

NAMES = ("ws_connected", "ws_ended", "ws_reached_all", "ws_times")


def add_events(events: Any) -> None:
    """Add the hooks to Locust's events. Hooks that are there already stay."""
    for name in NAMES:
        if not hasattr(events, name):
            setattr(events, name, EventHook())  # type: ignore[no-untyped-call]


def fire(environment: Any, event: str, /, **fields: Any) -> None:
    """Fire an event. An environment with events of its own gets the hooks on first use."""
    add_events(environment.events)
    getattr(environment.events, event).fire(**fields)
