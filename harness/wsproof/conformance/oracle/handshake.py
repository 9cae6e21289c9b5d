"""The oracle of the opening handshake: the expected answer to any request (RFC 6455 4.2)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from wsproof.conformance.oracle.deflate_negotiation import why_illegal
from wsproof.wire import Request, parse_extensions

__all__ = ["HandshakeAnswer", "HandshakeExpectation", "expect_answer"]

# Drafts with the framing of the RFC. A server may have implemented them before the RFC existed (11.6, interim).
_DRAFTS = (["7"], ["8"])
# Limits that every server accepts. Most accept a hundred lines and 8 or 16 KiB.
_FEW_LINES, _SHORT_HEAD = 64, 8000
# RFC 3986 3.2: a name, an IPv4 address or an IPv6 address in brackets, and an optional port.
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w.~%!$&'()*+,;=-]+)(:[0-9]*)?", re.ASCII)
_TOKEN = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_CACHED = 64
"""Number of answers that are cached. Most scripts of a run send the usual request."""
_VERSION = re.compile(r"[0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5]")


class HandshakeAnswer(Enum):
    """The kind of answer that the server must give."""

    ACCEPT = auto()
    REFUSE = auto()
    FREE = auto()


@dataclass(frozen=True, slots=True)
class HandshakeExpectation:
    """The expected answer, and the rule that demands it (empty for a plain legal request)."""

    answer: HandshakeAnswer
    rule: str = ""
    because: str = ""
    must_name_versions: bool = False
    """The refusal must name the versions that the server speaks (4.4)."""
    illegal_offer: str = ""
    """The reason why one of the offers of permessage-deflate is illegal."""
    must_decline: str = ""
    """The reason why the server must not agree to compression: every offer is illegal (RFC 7692 7.1)."""


@lru_cache(_CACHED)
def expect_answer(request: Request, usual: Request) -> HandshakeExpectation:
    """The answer of an ideal server that accepts the `usual` request. The first rule that `request` breaks counts."""
    for broken, name, because in _faults(request):
        if broken:
            return HandshakeExpectation(
                HandshakeAnswer.REFUSE, name, because, name == "version-13" and _names_a_version(request)
            )
    for odd, name, because in _oddities(request, usual):
        if odd:
            return HandshakeExpectation(HandshakeAnswer.FREE, name, because)
    reasons = why_illegal(request.header_values("Sec-WebSocket-Extensions"))
    illegal = next(filter(None, reasons), "")
    return HandshakeExpectation(
        HandshakeAnswer.ACCEPT, illegal_offer=illegal, must_decline=illegal if all(reasons) else ""
    )


def _faults(request: Request) -> list[tuple[bool, str, str]]:
    upgrade, connection = _tokens(request, "Upgrade"), _tokens(request, "Connection")
    keys, versions = request.header_values("Sec-WebSocket-Key"), _versions(request)
    extensions = request.header_values("Sec-WebSocket-Extensions")
    return [
        (request.method != "GET", "method-get", f"the method is {request.method}"),
        (request.http < "HTTP/1.1", "http-1-1", f"the version is {request.http}"),
        (not request.header_values("Host"), "host-required", "there is no Host"),
        ("websocket" not in upgrade, "upgrade-required", f"Upgrade is {', '.join(upgrade) or 'absent'}"),
        ("upgrade" not in connection, "connection-required", f"Connection is {', '.join(connection) or 'absent'}"),
        (not keys, "key-required", "there is no Sec-WebSocket-Key"),
        (
            versions not in (["13"], *_DRAFTS),
            "version-13",
            f"Sec-WebSocket-Version is {', '.join(versions) or 'absent'}",
        ),
        (
            bool(extensions) and parse_extensions(",".join(extensions)) is None,
            "extension-malformed",
            f"Sec-WebSocket-Extensions is {', '.join(extensions)!r}",
        ),
    ]


def _oddities(request: Request, usual: Request) -> list[tuple[bool, str, str]]:
    keys = request.header_values("Sec-WebSocket-Key")
    upgrade = _tokens(request, "Upgrade")
    offered = request.header_values("Sec-WebSocket-Protocol")
    names = _names(offered)
    lines = request.header_lines()
    size = len(request.encode())
    hosts = request.header_values("Host")
    return [
        (
            len(hosts) > 1 or not _HOST.fullmatch(hosts[0].strip(" \t")),
            "host-once",
            f"Host is {' and again '.join(hosts)!r}",
        ),
        (bool(request.body), "handshake-body", f"the request has a body of {len(request.body)} bytes"),
        (
            len(lines) > _FEW_LINES or size > _SHORT_HEAD,
            "header-limits",
            f"the request has {len(lines)} header lines in {size} bytes",
        ),
        (any("\n" in value for _, value in lines), "header-folding", "a header value is folded into two lines"),
        (_versions(request) != ["13"], "version-draft", f"Sec-WebSocket-Version is {_versions(request)[0]}"),
        (len(keys) > 1, "key-once", f"there are {len(keys)} Sec-WebSocket-Key headers"),
        (not _is_sixteen_bytes(keys[0]), "key-decodes", f"the key is {keys[0]!r}"),
        (upgrade != ["websocket"], "upgrade-list", f"Upgrade is {', '.join(upgrade)}"),
        (
            not all(_TOKEN.fullmatch(name) for name in names) or len({*names}) < len(names),
            "subprotocol-malformed",
            f"the list of subprotocols is {', '.join(offered)!r}",
        ),
        (
            _lacks_known_names(names, usual) and offered != usual.header_values("Sec-WebSocket-Protocol"),
            "subprotocol-unknown",
            f"the offer is {', '.join(offered)}",
        ),
    ]


def _names(offered: list[str]) -> list[str]:
    """The subprotocols of an offer, which may span several lines (11.3.4)."""
    return [name.strip(" \t") for name in ",".join(offered).split(",")] if offered else []


def _lacks_known_names(names: list[str], usual: Request) -> bool:
    """Whether the offer lacks a subprotocol that the endpoint is usually offered, or none is known."""
    offered = set(_names(usual.header_values("Sec-WebSocket-Protocol")))
    return not offered or not offered <= set(names)


def _names_a_version(request: Request) -> bool:
    """Whether the request asks for one version, in the grammar of 4.3."""
    versions = _versions(request)
    return len(versions) == 1 and _VERSION.fullmatch(versions[0]) is not None


def _versions(request: Request) -> list[str]:
    return [value.strip(" \t") for value in request.header_values("Sec-WebSocket-Version")]


def _tokens(request: Request, name: str) -> list[str]:
    values = ",".join(request.header_values(name)).split(",")
    return [value.strip().lower() for value in values if value.strip()]


def _is_sixteen_bytes(key: str) -> bool:
    try:
        return len(base64.b64decode(key.strip(" \t"), validate=True)) == 16
    except (binascii.Error, ValueError):
        return False
