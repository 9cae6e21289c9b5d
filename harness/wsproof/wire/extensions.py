"""Sec-WebSocket-Extensions: its grammar (RFC 6455 9.1) and the permessage-deflate parameters (RFC 7692 7.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["DeflateAgreement", "DeflateOffer", "Extension", "parse_extensions", "split_list"]

DEFLATE = "permessage-deflate"

TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
"""A token of HTTP (RFC 9110 5.6.2), as a regular expression."""
_TOKEN = re.compile(TOKEN)
_QUOTED = re.compile(r'"((?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*)"')
_BLANK = re.compile(r"[ \t]*")


@dataclass(frozen=True, slots=True)
class Extension:
    """One element of the header: a name and its ordered parameters, each with a value or None."""

    name: str
    params: tuple[tuple[str, str | None], ...] = ()

    def encode(self) -> str:
        """Return the element as a header value."""
        return "; ".join([self.name, *(key if value is None else f"{key}={value}" for key, value in self.params)])


class _Scanner:
    """A cursor over one header value."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def skip_blanks(self) -> None:
        match = _BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def take(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match[match.lastindex or 0]

    def take_mark(self, mark: str) -> bool:
        self.skip_blanks()
        if not self.text.startswith(mark, self.at):
            return False
        self.at += 1
        self.skip_blanks()
        return True

    @property
    def is_done(self) -> bool:
        return self.at == len(self.text)


def parse_extensions(value: str) -> tuple[Extension, ...] | None:
    """Parse a Sec-WebSocket-Extensions value; None if it violates the grammar.

    Empty list elements are skipped, as RFC 9110 5.6.1.2 requires of a recipient. An unquoted value must be a token (RFC
    6455 9.1).
    """
    scan = _Scanner(value)
    extensions: list[Extension] = []
    while True:
        scan.skip_blanks()
        name = scan.take(_TOKEN)
        if name is not None:
            params = _parse_params(scan)
            if params is None:
                return None
            extensions.append(Extension(name, params))
        if scan.is_done:
            return tuple(extensions) if extensions else None
        if not scan.take_mark(","):
            return None


def _parse_params(scan: _Scanner) -> tuple[tuple[str, str | None], ...] | None:
    params: list[tuple[str, str | None]] = []
    while scan.take_mark(";"):
        key = scan.take(_TOKEN)
        if key is None:
            return None
        value: str | None = None
        if scan.take_mark("="):
            quoted = scan.take(_QUOTED)
            value = scan.take(_TOKEN) if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            if value is None or _TOKEN.fullmatch(value) is None:
                return None
        params.append((key, value))
    return tuple(params)


def split_list(values: list[str]) -> list[str]:
    """Split repeated header lines with comma lists into their elements. Blanks and empty elements are removed."""
    return [item.strip(" \t") for value in values for item in value.split(",") if item.strip(" \t")]


@dataclass(frozen=True, slots=True)
class DeflateOffer:
    """A client's permessage-deflate offer (RFC 7692 7.1).

    `client_max_window_bits=True` offers the parameter without a value.
    """

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int | None = None
    client_max_window_bits: int | bool | None = None

    def encode(self) -> str:
        """Return the offer as an element of Sec-WebSocket-Extensions."""
        params: list[tuple[str, str | None]] = []
        if self.server_no_context_takeover:
            params.append(("server_no_context_takeover", None))
        if self.client_no_context_takeover:
            params.append(("client_no_context_takeover", None))
        if self.server_max_window_bits is not None:
            params.append(("server_max_window_bits", str(self.server_max_window_bits)))
        if self.client_max_window_bits is True:
            params.append(("client_max_window_bits", None))
        elif self.client_max_window_bits not in (None, False):
            params.append(("client_max_window_bits", str(self.client_max_window_bits)))
        return Extension(DEFLATE, tuple(params)).encode()

    @staticmethod
    def parse(extension: Extension) -> DeflateOffer | str:
        """Parse an offer, or return a sentence that says why it is not legal."""
        read = _read_params(extension, valueless=("client_max_window_bits",))
        if isinstance(read, str):
            return read
        return DeflateOffer(
            server_no_context_takeover="server_no_context_takeover" in read,
            client_no_context_takeover="client_no_context_takeover" in read,
            server_max_window_bits=read.get("server_max_window_bits"),
            client_max_window_bits=read.get("client_max_window_bits", 0) or ("client_max_window_bits" in read or None),
        )


@dataclass(frozen=True, slots=True)
class DeflateAgreement:
    """The compression parameters that the server agreed to (RFC 7692 7.1).

    A window has 15 bits unless the response says otherwise.
    """

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int = 15
    client_max_window_bits: int = 15
    has_client_bits: bool = False  # whether the response has the parameter, even with the value 15

    def encode(self) -> str:
        """Return the agreement as a Sec-WebSocket-Extensions value."""
        params: list[tuple[str, str | None]] = []
        if self.server_no_context_takeover:
            params.append(("server_no_context_takeover", None))
        if self.client_no_context_takeover:
            params.append(("client_no_context_takeover", None))
        if self.server_max_window_bits != 15:
            params.append(("server_max_window_bits", str(self.server_max_window_bits)))
        if self.client_max_window_bits != 15 or self.has_client_bits:
            params.append(("client_max_window_bits", str(self.client_max_window_bits)))
        return Extension(DEFLATE, tuple(params)).encode()

    @property
    def mirrored(self) -> DeflateAgreement:
        """The agreement from the server's point of view: how a server reads our messages."""
        return DeflateAgreement(
            server_no_context_takeover=self.client_no_context_takeover,
            client_no_context_takeover=self.server_no_context_takeover,
            server_max_window_bits=self.client_max_window_bits,
            client_max_window_bits=self.server_max_window_bits,
        )

    @staticmethod
    def parse(extension: Extension) -> DeflateAgreement | str:
        """Parse a response, or return a sentence that says why it is not legal."""
        read = _read_params(extension, valueless=())
        if isinstance(read, str):
            return read
        return DeflateAgreement(
            server_no_context_takeover="server_no_context_takeover" in read,
            client_no_context_takeover="client_no_context_takeover" in read,
            server_max_window_bits=read.get("server_max_window_bits", 15),
            client_max_window_bits=read.get("client_max_window_bits", 15),
            has_client_bits="client_max_window_bits" in read,
        )

    def answers(self, offer: DeflateOffer) -> str | None:
        """Return None if this is a legal answer to `offer`, else a sentence with the reason (RFC 7692 7.1)."""
        if offer.server_no_context_takeover and not self.server_no_context_takeover:
            return "the offer asked for server_no_context_takeover and the response leaves it out (7.1.1.1)"
        bits = offer.server_max_window_bits
        if bits is not None and self.server_max_window_bits > bits:
            return (
                f"the offer limits server_max_window_bits to {bits}, "
                f"the response says {self.server_max_window_bits} (7.1.2.1)"
            )
        # The client's own window size is a hint only (7.1.2.2): the response may have a larger one, or none.
        if offer.client_max_window_bits in (None, False) and self.has_client_bits:
            return "the response sets client_max_window_bits, which the offer does not allow (7.1.2.2)"
        return None


def _read_params(extension: Extension, *, valueless: tuple[str, ...]) -> dict[str, int] | str:
    """Check names, duplicates and values. Return each parameter; 0 stands for a missing value."""
    read: dict[str, int] = {}
    for key, value in extension.params:
        if key in read:
            return f"parameter {key} appears twice"
        if key in ("server_no_context_takeover", "client_no_context_takeover"):
            if value is not None:
                return f"parameter {key} takes no value, got {value!r}"
            read[key] = 0
        elif key in ("server_max_window_bits", "client_max_window_bits"):
            if value is None and key in valueless:
                read[key] = 0
            # "A decimal integer value without leading zeroes between 8 to 15 inclusive" (7.1.2).
            elif value is None or re.fullmatch(r"[89]|1[0-5]", value) is None:
                return f"parameter {key} must be 8 to 15 without leading zeros, got {value!r}"
            else:
                read[key] = int(value)
        else:
            return f"permessage-deflate has no parameter {key!r}"
    return read
