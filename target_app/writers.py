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
    """Called when the peer has read enough to go on, and when it is gone."""

    congested_since: float | None
    """Loop time since when the transport has been full; None: it takes more."""

    def writer(self, outbox: Outbox, flusher: Flusher, failed: Callable[[], None]) -> Writer:
        """Return the writer from this outbox to this wire."""
        ...

    def write(self, frames: bytes) -> bool:
        """Hand over whole frames without waiting. False: after the close frame, or the peer is gone."""

    def end_within(self, seconds: float) -> None:
        """Reset the connection if it has not ended by itself by then."""


class Writer(Protocol):
    """The interface of both writers for a connection."""

    is_marked: bool
    """Something waits, and its flush is on its way."""

    sent: int
    lag: Lag
    """Records the time from the creation of messages until they were written."""

    @property
    def is_prompt(self) -> bool:
        """A flush has written all that could be written when it returns."""

    def flush(self, joined: Joined) -> None: ...

    def write_now(self, batch: Batch) -> bool:
        """Write these at once. False: nothing was written; something waits before them, or the peer takes no more."""

    def fail(self) -> None: ...

    def stuck_since(self) -> float | None:
        """Loop time since when the peer has kept something waiting; None: it does not."""

    async def finish(self, timeout: float) -> None:
        """Write what still waits, for so many seconds at most."""

    async def stop(self) -> None:
        """Write nothing more."""
