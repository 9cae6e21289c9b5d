"""Fail-fast UTF-8 validation: rejects text at the first impossible byte (RFC 6455 8.1)."""

from __future__ import annotations

import codecs

__all__ = ["Utf8Validator"]


class Utf8Validator:
    """Validates a text message piece by piece. A piece may end inside a character.

    Python's incremental decoder rejects the first impossible byte, with one exception: it keeps the first two bytes of
    a surrogate (ED A0-BF) and waits for the third. This class rejects them at once. A test walks all two-byte prefixes.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self.is_valid = True

    def feed(self, data: bytes, *, final: bool = False) -> bool:
        """Take the next piece. Returns False from the first invalid byte on; later data is ignored."""
        if self.is_valid:
            try:
                self._decoder.decode(data, final)
            except UnicodeDecodeError:
                self.is_valid = False
            else:
                held, _ = self._decoder.getstate()
                self.is_valid = not (len(held) == 2 and held[0] == 0xED and held[1] >= 0xA0)
        return self.is_valid
