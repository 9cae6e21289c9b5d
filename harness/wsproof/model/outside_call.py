"""Publications by a function or a command instead of a WebSocket message, and the answer to a publication."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function that publishes when it is called: the client of a message broker, for example.

    The function takes no arguments: use `functools.partial` or a lambda. The publication is accepted once the function
    returns. An exception means that it was not; its text becomes part of the report. Calls for several members may run
    at the same time, in threads of their own. Under Locust they run in greenlets.
    """

    function: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Command:
    """A command that publishes, such as `("redis-cli", "publish", "room", text)`. No shell is involved.

    `input` is what the command reads from its standard input. Exit code 0 means that the publication is accepted.
    """

    arguments: tuple[str, ...]
    input: str | bytes = b""

    @property
    def input_bytes(self) -> bytes:
        """The input as bytes; a str in UTF-8."""
        return self.input.encode() if isinstance(self.input, str) else self.input


OutsideCall: TypeAlias = FunctionCall | Command


@dataclass(frozen=True, slots=True)
class PublishAnswer:
    """Whether a request, a call or a command has published, and the reason if not."""

    reason: str = ""
    """The HTTP status line with the beginning of the body, or why there is no answer."""
    status: int = 0
    """The HTTP status; 0 without an HTTP response."""
    is_accepted: bool = False

    @classmethod
    def of_status(cls, status: int, reason: str) -> PublishAnswer:
        """Return the answer for an HTTP status. 2xx means that the server accepted the request (RFC 9110 15.3)."""
        return cls(reason, status, 200 <= status < 300)
