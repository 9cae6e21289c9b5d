"""The parser of `websockets`, which stops after a number of frames until its next turn.

The original parses everything that has been received, up to a million small frames. This relies on one property of
`websockets`: its parser calls `at_eof` of its reader before each frame. A test holds it.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from websockets.frames import CloseCode
from websockets.server import ServerProtocol
from websockets.streams import StreamReader


class FrameReader(StreamReader):
    """Received bytes, out of which the parser takes the allowed number of frames."""

    def __init__(self) -> None:
        super().__init__()
        self._frames_allowed = 0
        self.is_interrupted = False
        """Whether the parser has stopped before bytes that it could parse."""

    def allow(self, frames: int) -> None:
        """Let the parser take up to this number of frames when it continues."""
        self._frames_allowed = frames
        self.is_interrupted = False

    def at_eof(self) -> Generator[None, None, bool]:
        while True:
            if self.buffer:
                if self._frames_allowed:
                    self._frames_allowed -= 1
                    return False
                self.is_interrupted = True
            elif self.eof:
                return True
            yield


class FrameParser(ServerProtocol):
    """The protocol core of one connection."""

    reader: FrameReader

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.reader = FrameReader()
        self.parser = self.parse()
        next(self.parser)  # as in the original: it waits for the first bytes

    def fail(self, code: CloseCode | int, reason: str = "") -> None:
        self.reader.discard()  # as the original would, but in a later turn
        super().fail(code, reason)
