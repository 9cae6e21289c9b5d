"""Writers between an outbox and the wire: `direct_writer.py` if the server allows it, else `standard_writer.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from target_app.flusher import Batch, Flusher, Joined
from target_app.outbox import Outbox
from target_app.traffic import Lag

DIRECT = "target_app.direct"
"""Name of the ASGI extension under which a server offers a `Wire`."""


class Wire(Protocol):
    """A connection that takes finished frames, offered by the server (`direct.py`)."""

    on_writable: Callable[[], None]
    """Called when the peer has read enough for the next write, and when it has gone."""

    congested_since: float | None
    """Loop time since which the transport has been full; None if it accepts data."""

    def writer(self, outbox: Outbox, flusher: Flusher, failed: Callable[[], None]) -> Writer:
        """Return the writer from this outbox to this wire."""
        ...

    def write(self, frames: bytes) -> bool:
        """Write whole frames without waiting. Returns False after the close frame, or if the peer has gone."""

    def end_within(self, seconds: float) -> None:
        """Reset the connection if it has not closed within this many seconds."""


class Writer(Protocol):
    """The interface of both writers for a connection."""

    is_marked: bool
    """Whether data waits, and its flush is scheduled."""

    sent: int
    lag: Lag
    """Records the time from the creation of messages until they were written."""

    @property
    def is_prompt(self) -> bool:
        """Whether a flush has written everything possible when it returns."""

    def flush(self, joined: Joined) -> None: ...

    def write_now(self, batch: Batch) -> bool:
        """Write these at once. Returns False, and writes nothing, if earlier data waits or the peer takes no more."""

    def fail(self) -> None: ...

    def stuck_since(self) -> float | None:
        """The loop time since which data has waited for the peer; None if none waits."""

    async def finish(self, timeout: float) -> None:
        """Write the waiting messages, for this many seconds at most."""

    async def stop(self) -> None:
        """Write nothing more."""
