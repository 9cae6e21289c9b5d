"""Auditor of the server's response to the opening handshake (RFC 6455 4.2.2, RFC 7692 7.1, RFC 9110, RFC 9112)."""

from __future__ import annotations

from collections.abc import Iterable

from wsproof.wire.audit import Breach, breach
from wsproof.wire.extensions import (
    DEFLATE,
    DeflateAgreement,
    DeflateOffer,
    Extension,
    parse_extensions,
    split_list,
)
from wsproof.wire.handshake import Request, Response, accept_key

__all__ = ["agreed_deflate", "audit_response"]


_ONCE = (
    "Content-Length",
    "Content-Location",
    "Content-Range",
    "Content-Type",
    "Date",
    "ETag",
    "Expires",
    "Last-Modified",
    "Location",
    "Retry-After",
    "Server",
)
"""Response fields whose value is not a list, so that each may appear only once (RFC 9110 5.3, 5.5)."""


def audit_response(request: Request, response: Response) -> list[Breach]:
    """Return the breaches in `response` as an answer to `request`.

    Few rules apply to a refusal; most apply only to a 101.
    """
    if response.status != 101:
        return [*_audit_http(response), *_audit_refusal(request, response)]
    return [
        *_audit_http(response),
        *_audit_upgrade(response),
        *_audit_accept(request, response),
        *_audit_subprotocol(request, response),
        *_audit_extensions(request, response),
    ]


def _audit_http(response: Response) -> Iterable[Breach]:
    """Yield each breach in the header fields of a response. The body is not checked."""
    lengths = response.header_values("Content-Length")
    for name in _ONCE:
        values = response.header_values(name)
        if len(values) > 1 and name != "Content-Length":
            yield breach("field-repeated", f"{len(values)} lines of {name}: {_show(values)}")
    if len({length.strip() for length in lengths}) > 1:
        yield breach("length-contradicts", f"Content-Length: {_show(lengths)}")
    elif len(lengths) > 1:
        yield breach("field-repeated", f"{len(lengths)} lines of Content-Length: {_show(lengths)}")
    if lengths and not all(length.strip().isdecimal() for length in lengths):
        yield breach("length-grammar", f"Content-Length: {_show(lengths)}")
    encodings = response.header_values("Transfer-Encoding")
    if lengths and encodings and response.status != 101:  # in a 101 each of them is a breach by itself
        yield breach("length-and-encoding", f"Content-Length: {_show(lengths)}, Transfer-Encoding: {_show(encodings)}")
    for name, value in response.headers:
        if "\r" in value or "\n" in value or "\0" in value:
            yield breach("field-characters", f"{name}: {value[:80]!a}")


def _audit_refusal(request: Request, response: Response) -> Iterable[Breach]:
    if response.status == 426 and request.version != "13" and not response.header("Sec-WebSocket-Version"):
        yield breach("version-not-named", f"{response.describe()} without Sec-WebSocket-Version")


def _audit_upgrade(response: Response) -> Iterable[Breach]:
    if response.http < "HTTP/1.1":
        yield breach("http-version", response.describe())
    upgrade = response.header_values("Upgrade")
    # The value must be this one word, in any case. A list that contains it is not equal to it (4.1, step 2).
    if [value.lower() for value in upgrade] != ["websocket"]:
        yield breach("upgrade-missing", f"Upgrade: {_show(upgrade)}")
    connection = response.header_values("Connection")
    if "upgrade" not in (token.lower() for token in split_list(connection)):
        yield breach("connection-missing", f"Connection: {_show(connection)}")
    for name in ("Content-Length", "Transfer-Encoding"):
        if response.header(name) is not None:
            yield breach("body-in-101", f"{name}: {_show(response.header_values(name))}")


def _audit_accept(request: Request, response: Response) -> Iterable[Breach]:
    accepts = response.header_values("Sec-WebSocket-Accept")
    if not accepts:
        yield breach("accept-missing", response.describe())
        return
    if len(accepts) > 1:
        yield breach("accept-repeated", f"Sec-WebSocket-Accept: {_show(accepts)}")
    keys = request.header_values("Sec-WebSocket-Key")
    if not any(accepts[0] == accept_key(key) for key in keys):
        expected = accept_key(keys[0]) if keys else "no 101, because the request had no key"
        yield breach("accept-wrong", f"got {accepts[0]!a}, expected {expected}")


def _audit_subprotocol(request: Request, response: Response) -> Iterable[Breach]:
    lines = response.header_values("Sec-WebSocket-Protocol")
    if not lines:
        return
    chosen = split_list(lines)
    if len(lines) > 1 or len(chosen) > 1:
        yield breach("subprotocol-repeated", f"Sec-WebSocket-Protocol: {_show(lines)}")
    offered = split_list(request.header_values("Sec-WebSocket-Protocol"))
    for name in chosen or [""]:
        if name not in offered:
            yield breach("subprotocol-not-offered", f"got {name!a}, offered {_show(offered)}")


def _audit_extensions(request: Request, response: Response) -> Iterable[Breach]:
    lines = response.header_values("Sec-WebSocket-Extensions")
    if not lines:
        return
    agreed = parse_extensions(",".join(lines))
    if agreed is None:
        yield breach("extension-grammar", f"Sec-WebSocket-Extensions: {_show(lines)}")
        return
    offers = _offers(request)
    names = {offer.name for offer in offers}
    for extension in agreed:
        if extension.name not in names:
            yield breach("extension-not-offered", f"got {extension.encode()!a}")
    deflates = [extension for extension in agreed if extension.name == DEFLATE]
    if len(deflates) > 1:
        yield breach("extension-repeated", f"Sec-WebSocket-Extensions: {_show(lines)}")
    if deflates and DEFLATE in names:
        fault = _deflate_fault(deflates[0], offers)
        if fault is not None:
            yield breach("deflate-parameters", f"{deflates[0].encode()!a}: {fault}")


def _deflate_fault(extension: Extension, offers: tuple[Extension, ...]) -> str | None:
    """Return why the agreement answers none of the offers; None if it answers one of them."""
    agreement = DeflateAgreement.parse(extension)
    if isinstance(agreement, str):
        return agreement
    faults: list[str] = []
    for offer in offers:
        parsed = DeflateOffer.parse(offer) if offer.name == DEFLATE else "another extension"
        if isinstance(parsed, str):
            continue  # an illegal offer must be declined (RFC 7692 7.1), so no agreement can answer it
        fault = agreement.answers(parsed)
        if fault is None:
            return None
        faults.append(fault)
    return faults[0] if faults else "no offer was legal, so the server had to decline all of them"


def agreed_deflate(response: Response) -> DeflateAgreement | None:
    """Return the compression in force after `response`; None without a readable agreement."""
    agreed = parse_extensions(",".join(response.header_values("Sec-WebSocket-Extensions"))) or ()
    for extension in agreed:
        if extension.name == DEFLATE:
            parsed = DeflateAgreement.parse(extension)
            return None if isinstance(parsed, str) else parsed
    return None


def _offers(request: Request) -> tuple[Extension, ...]:
    return parse_extensions(",".join(request.header_values("Sec-WebSocket-Extensions"))) or ()


def _show(values: list[str]) -> str:
    return ", ".join(ascii(value[:80]) for value in values) or "absent"
