"""The frames of one connection in both directions, as lines for a failure report."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from wsproof.net.client import Client
from wsproof.net.clock import now_ns
from wsproof.net.endpoint import Endpoint
from wsproof.net.redact import redact
from wsproof.wire import Ended, Event, FrameReceived
from wsproof.wire.decoder import FrameDecoder

SHOWN_LINES = 40
"""Number of lines that a failure report shows for each connection: the last ones."""


class FrameLog:
    """The last frames of one connection, with the time of each since the connection was opened.

    The `secrets` are redacted.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = tuple(secrets)
        self._lines: deque[str] = deque(maxlen=SHOWN_LINES)
        self._count = 0
        self._start_ns = now_ns()
        self._sent = FrameDecoder()

    def sent(self, data: bytes) -> None:
        """Note bytes that the client has handed to TCP."""
        self._sent.feed(data)
        while (frame := self._sent.next_frame()) is not None:
            self._add(now_ns(), f"client sends    {frame.describe()}")

    def received(self, events: Iterable[Event], times_ns: Iterable[int]) -> None:
        """Note the frames that the client has received, and the end of TCP."""
        for event, at_ns in zip(events, times_ns, strict=True):
            if isinstance(event, FrameReceived):
                self._add(at_ns, f"client receives {event.frame.describe()}")
            elif isinstance(event, Ended):
                self._add(at_ns, "the server closes TCP")

    def note(self, text: str) -> None:
        """Note something else, such as the response to the handshake."""
        self._add(now_ns(), text)

    @property
    def lines(self) -> list[str]:
        """The last lines. The first one says how many older lines are left out."""
        left_out = self._count - len(self._lines)
        return [*([f"({left_out} earlier lines are left out)"] if left_out else []), *self._lines]

    def _add(self, at_ns: int, text: str) -> None:
        self._count += 1
        self._lines.append(f"{(at_ns - self._start_ns) / 1e9:8.3f} s  {redact(text, self._secrets)}")


class LoggedClient(Client):
    """A `Client` that logs its frames in both directions."""

    def __init__(self, endpoint: Endpoint, log: FrameLog, *, deadline_s: float, seed: int, offers_frames: bool) -> None:
        super().__init__(endpoint, deadline_s=deadline_s, seed=seed, keep_frames=True)
        self.log = log
        self._offers_frames = offers_frames
        """Whether `wait_event` may return a `FrameReceived`, too."""
        self._has_sent = False

    def _collect(self) -> None:
        before = len(self._unsent)
        super()._collect()
        new = bytes(self._unsent[before:])
        if not new:
            return
        if self._has_sent:
            self.log.sent(new)
        else:
            self._has_sent = True
            request_line = new.partition(b"\r\n")[0].decode(errors="replace")
            self.log.note(f"client sends    {request_line}")

    def _read(self) -> bool:
        before, had_response = len(self.events), self.peer.response is not None
        is_changed = super()._read()
        if self.peer.response is not None and not had_response:
            self.log.note(f"client receives {self.peer.response.describe()}")
        self.log.received(self.events[before:], self.event_times_ns[before:])
        if not self._offers_frames:
            self._waiting = [event for event in self._waiting if not isinstance(event, FrameReceived)]
        return is_changed
