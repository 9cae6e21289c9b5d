"""The pipes between a child process of the load engine and its parent: lines of JSON in both directions."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["CommandPipe", "send_to_parent"]


class CommandPipe(asyncio.Protocol):
    """Calls the receiver's method `on_NAME` for each command of the parent.

    The process exits when the pipe closes. So a parent that was killed leaves no process behind.
    """

    def __init__(self, receiver: object, before_exit: Callable[[], None] = lambda: None) -> None:
        self._receiver = receiver
        self._before_exit = before_exit
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            command: dict[str, Any] = json.loads(line)
            getattr(self._receiver, f"on_{command.pop('do')}")(**command)

    def eof_received(self) -> None:
        self._before_exit()
        os._exit(0)


def send_to_parent(what: str, **details: Any) -> None:
    """Send a message to the parent."""
    os.write(sys.stdout.fileno(), json.dumps({"is": what, **details}).encode() + b"\n")
