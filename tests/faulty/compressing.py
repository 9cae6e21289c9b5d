"""The faulty server with permessage-deflate (RFC 7692): correct at `/deflate`, with the fault at `/deflate-NAME`.

At all other paths it is `server.py`, which supports no extension. It shares no code with the harness:

    python -m tests.faulty.compressing [--port N]
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from tests.faulty.robustness_faults import RobustnessFaults
from tests.faulty.server import BINARY, PING, PONG, TEXT, Failure, Refusal, main

_LIMIT = 17_000_000
_WORTH_IT = 1_000
_SMALL_LIMIT = 1 << 20
_LIMITS = {"deflate-small-limit": _SMALL_LIMIT, "deflate-least-limit": 1 << 16}
_TAIL = b"\x00\x00\xff\xff"
_BITS = re.compile(r"[89]|1[0-5]")
_FLAGS = ("server_no_context_takeover", "client_no_context_takeover")
_SIZES = ("server_max_window_bits", "client_max_window_bits")
_SHARED: dict[str, zlib._Decompress] = {}  # the inflater that all clients share (deflate-shared)
_LEFT_BEHIND = {"window": b""}  # the window of the previous connection (deflate-leaks)


class DeclinedOffer(Exception):
    """Raised for an offer that must be declined."""


class UnsupportedOffer(DeclinedOffer):
    """Raised for a legal offer that zlib does not support."""


@dataclass
class Agreement:
    """The compression parameters of both sides."""

    server_resets: bool = False
    client_resets: bool = False
    server_bits: int = 15
    client_bits: int = 15
    names_server_bits: bool = False
    names_client_bits: bool = False

    def encode(self) -> str:
        parameters = ["permessage-deflate"]
        parameters += [_FLAGS[0]] * self.server_resets + [_FLAGS[1]] * self.client_resets
        parameters += [f"{_SIZES[0]}={self.server_bits}"] * self.names_server_bits
        parameters += [f"{_SIZES[1]}={self.client_bits}"] * self.names_client_bits
        return "; ".join(parameters)


class Compressing(RobustnessFaults):
    """One client that may agree on compression."""

    agreement: Agreement | None = None
    compressed = False

    # The offer.

    def extension_lines(self, offered: str) -> list[str]:
        if not self.fault.startswith("deflate"):
            return super().extension_lines(offered)
        if self.fault == "deflate-quoted" and '"' in offered:
            raise Refusal("400 Bad Request")
        agreed: list[Agreement] = []
        for offer in offered.split(","):
            name, *params = (word.strip() for word in offer.split(";"))
            if name == "permessage-deflate":
                try:
                    agreed.append(self.read_offer(params))
                except DeclinedOffer as declined:
                    if self.fault == "deflate-refuses" and not isinstance(declined, UnsupportedOffer):
                        raise Refusal("400 Bad Request") from None
        if not agreed:
            return []
        self.begin(agreed[0])
        answered = agreed if self.fault == "deflate-twice" else agreed[:1]
        return [f"Sec-WebSocket-Extensions: {', '.join(agreement.encode() for agreement in answered)}"]

    def read_offer(self, params: list[str]) -> Agreement:
        values: dict[str, str | None] = {}
        for param in params:
            name, equals, value = (word.strip() for word in param.partition("="))
            if name in values and self.fault != "deflate-repeated":
                raise DeclinedOffer
            values[name] = value.strip('"') if equals else None
        if not set(values) <= {*_FLAGS, *_SIZES} and self.fault != "deflate-unknown-parameter":
            raise DeclinedOffer
        if any(values.get(name) is not None for name in _FLAGS):
            raise DeclinedOffer
        agreement = Agreement(_FLAGS[0] in values, _FLAGS[1] in values)
        if _SIZES[0] in values:
            agreement.server_bits = self.read_bits(values[_SIZES[0]])
            agreement.names_server_bits = self.fault != "deflate-forgets-bits"
        if _SIZES[1] in values:
            agreement.client_bits = 12 if values[_SIZES[1]] is None else self.read_bits(values[_SIZES[1]])
            agreement.names_client_bits = True
        if self.fault == "deflate-echoes-bits":
            agreement.names_client_bits = True
        if agreement.server_bits == 8:
            raise UnsupportedOffer  # zlib supports a window of 8 bits only for inflating
        return agreement

    def read_bits(self, value: str | None) -> int:
        if self.fault == "deflate-any-bits" and value is not None and value.isdigit():
            return min(15, max(9, int(value)))
        if value is None or not _BITS.fullmatch(value):
            raise DeclinedOffer
        return int(value)

    def begin(self, agreement: Agreement) -> None:
        self.agreement = agreement
        self.window = _LEFT_BEHIND["window"] if self.fault == "deflate-leaks" else b""
        self.inflater = self.new_inflater()
        self.deflater = self.new_deflater()
        if self.fault == "deflate-shared":
            _SHARED["inflater"] = self.inflater

    def new_inflater(self) -> zlib._Decompress:
        assert self.agreement is not None
        bits = self.agreement.client_bits
        if self.fault == "deflate-small-window":
            bits = min(bits, 14)
        if self.fault == "deflate-client-bits" and bits < 15:
            bits -= 1
        return zlib.decompressobj(-bits, self.window)

    def new_deflater(self) -> zlib._Compress:
        assert self.agreement is not None
        bits = self.agreement.server_bits
        if self.fault == "deflate-window":
            bits = 15
        if self.fault == "deflate-window-plus-one":
            bits = min(15, bits + 1)
        return zlib.compressobj(wbits=-bits)

    # Incoming messages.

    def is_bad_rsv(self, rsv: int, opcode: int) -> bool:
        bad = super().is_bad_rsv(rsv, opcode)
        fault = self.fault
        if self.agreement is None:
            return bad and not (rsv == 4 and fault == "deflate-not-agreed")
        if rsv & 3:
            return fault != "deflate-rsv2"
        if opcode >= 8:
            return bad and fault != "deflate-rsv-control"
        if opcode == 0:
            return bad and fault != "deflate-rsv-continuation"
        return False

    def take_data(self, fin: int, opcode: int, payload: bytes) -> None:
        if opcode or (self.fault == "deflate-last-bit" and fin):
            self.compressed = bool(self.rsv & 4)
        if self.fault == "deflate-not-agreed" and self.compressed and self.agreement is None:
            self.begin(Agreement())
        if self.agreement is not None and self.fault == "deflate-session":
            self.compressed = True
        if self.compressed and self.fault == "deflate-each-fragment":
            payload = self.inflate(payload)
        super().take_data(fin, opcode, payload)

    def take_ping(self, payload: bytes) -> None:
        if self.fault == "deflate-ping-ends":
            self.compressed = False
        super().take_ping(payload)

    def take_message(self, opcode: int, data: bytes, fragments: int) -> None:
        fault = self.fault
        if self.agreement is not None:
            if self.compressed:
                if fault == "deflate-utf8-early" and opcode == TEXT:
                    self.check_message(data, fragments)
                if fault == "deflate-empty" and not data.strip(b"\x00"):
                    raise Failure(1002)
                data = data if fault == "deflate-each-fragment" else self.inflate(data)
            elif fault == "deflate-plain-window":
                self.window = (self.window + data)[-32768:]
                self.inflater = self.new_inflater()
        super().take_message(opcode, data, fragments)

    def check_message(self, data: bytes, fragments: int) -> None:
        if not (self.fault == "deflate-utf8" and self.compressed):
            super().check_message(data, fragments)

    def inflate(self, data: bytes) -> bytes:
        assert self.agreement is not None
        try:
            out = self.run_inflater(data + (b"" if self.fault == "deflate-no-tail" else _TAIL))
        except zlib.error:
            if self.fault == "deflate-bad-data":
                return b""
            raise Failure(1011 if self.fault == "deflate-1011" else 1007) from None
        self.window = (self.window + out[-32768:])[-32768:]
        if self.fault == "deflate-leaks":
            _LEFT_BEHIND["window"] = self.window
        if self.agreement.client_resets or self.fault == "deflate-forgets":
            self.window = b""
            self.inflater = self.new_inflater()
        if self.fault == "deflate-shared":
            _SHARED["inflater"] = self.inflater
        return out

    def run_inflater(self, data: bytes) -> bytes:
        limit = 1 << 40 if self.fault in ("deflate-bomb", "deflate-bomb-late") else _LIMIT
        if self.fault == "deflate-shared":
            self.inflater = _SHARED["inflater"]
        if self.fault == "deflate-cut":
            return self.inflater.decompress(data, _SMALL_LIMIT)
        limit = _LIMITS.get(self.fault, limit)
        out = bytearray()
        while True:
            out += self.inflater.decompress(data, limit + 1 - len(out))
            if len(out) > limit:
                raise Failure(1009)
            if not self.inflater.eof:
                break
            if self.fault == "deflate-final":
                raise Failure(1007)
            data = self.inflater.unused_data
            if self.fault == "deflate-final-drops":
                break
            self.window = (self.window + out[-32768:])[-32768:]
            self.inflater = self.new_inflater()
        if len(out) > _LIMIT and self.fault == "deflate-bomb-late":
            raise Failure(1009)
        return bytes(out)

    # Outgoing messages.

    def send(self, opcode: int, payload: bytes) -> None:
        if self.agreement is None or opcode not in (TEXT, BINARY):
            packs_pong = self.agreement is not None and self.fault == "deflate-packs-pongs" and opcode in (PING, PONG)
            super().send(opcode | 0x40 if packs_pong else opcode, payload)
            return
        if len(payload) > _LIMIT:
            payload = payload[:10]  # An echo of the whole bomb would take time and show nothing.
        if self.fault == "deflate-never" or (self.fault == "deflate-seldom" and len(payload) < _WORTH_IT):
            super().send(opcode, payload)
            return
        if self.fault == "deflate-whole-window":
            super().send(opcode | 0x40, _far_back(payload, self.agreement.server_bits))
            return
        if self.agreement.server_resets and self.fault != "deflate-server-context":
            self.deflater = self.new_deflater()
        data = self.deflater.compress(payload) + self.deflater.flush(zlib.Z_SYNC_FLUSH)
        if self.fault != "deflate-keeps-tail":
            data = data.removesuffix(_TAIL)
        if self.fault == "deflate-fragments-bit" and len(data) > 1:
            for head, part in ((0x40 | opcode, data[:1]), (0xC0, data[1:])):
                self.writer.write(_frame(head, part))
            return
        # An empty message is still one block (7.2.3.6).
        super().send(opcode | 0x40, b"" if self.fault == "deflate-empty-answer" and not payload else data)


def _far_back(payload: bytes, bits: int) -> bytes:
    """Compress with fixed codes (RFC 1951 3.2.6) into one block, with matches at the full window distance."""
    window, at = 1 << bits, 0
    code = "010"  # not the last block, fixed codes; the lowest bit first
    while at < len(payload):
        three = payload[at : at + 3]
        if at >= window and len(three) == 3 and payload[at - window : at - window + 3] == three:
            code += f"{1:07b}{2 * bits - 1:05b}" + "1" * (bits - 2)
            at += 3
        else:
            code += f"{0x30 + payload[at]:08b}" if payload[at] < 144 else f"{0x100 + payload[at]:09b}"
            at += 1
    code += "0" * 7 + "000"  # the end of the block, and the head of an empty one, as the end of a message has it
    code += "0" * (-len(code) % 8)
    return bytes(int(code[at : at + 8][::-1], 2) for at in range(0, len(code), 8))


def _frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    return bytes((first, 126 if size < 65536 else 127)) + size.to_bytes(2 if size < 65536 else 8, "big") + payload


if __name__ == "__main__":
    main(__doc__, Compressing)
