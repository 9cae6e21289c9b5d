"""Steps by which a member joins a channel, and messages that it repeats: the values that a workload yields.

def join(self, member):
    yield Send('{"type": "connection_init"}')
    yield Wait("connection_ack", until=json_with(type="connection_ack"))
    yield Send('{"type": "subscribe", "id": "1"}')
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

Message: TypeAlias = str | bytes
"""The content of a text message or of a binary message."""

WAIT_S = 5.0
"""Default timeout of a wait, in seconds: longer than any login takes on a busy machine."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send this message."""

    message: Message


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for a message for which `until` is true. The `yield` returns that message.

    The report uses `name` for an answer that did not arrive. Messages that arrived earlier, and that no wait has taken,
    count too. A message that a wait takes need not be known to `read`.

    `subscribes`: the server promises that from this answer on the member receives what is published. A publication
    that is sent later and does not arrive is then lost. Without it, a member is subscribed from its first receipt on.
    """

    name: str
    until: Callable[[Message], bool]
    timeout_s: float = WAIT_S
    subscribes: bool = False


@dataclass(frozen=True, slots=True)
class Every:
    """Send `message` each time that `period_s` seconds have passed since the member joined, as a heartbeat."""

    period_s: float
    message: Message


class JoinRefused(Exception):
    """Raised in `join`: the server has refused this member. The text becomes part of the report."""


JoinSteps: TypeAlias = Generator[Send | Wait, Message, None]
"""The type of `Workload.join`."""


def json_with(**fields: Any) -> Callable[[Message], bool]:
    """A condition for `Wait`: the message is a JSON object that has these fields with these values."""

    def has_them(message: Message) -> bool:
        try:
            value = json.loads(message)
        except (ValueError, RecursionError):
            return False
        return isinstance(value, dict) and fields.items() <= {k: value[k] for k in fields if k in value}.items()

    return has_them
