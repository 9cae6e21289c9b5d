"""RFC 6455 4: the opening handshake in every legal spelling, and with each part illegal."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any

from hypothesis import strategies as st

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.properties import strategies
from wsproof.conformance.properties.property import MASK, Property
from wsproof.conformance.script import Handshake, Script, SendFrame
from wsproof.wire import Frame, Opcode

__all__ = ["PROPERTIES"]

_KEY = "d3Nwcm9vZi1yZmM2NDU1IQ=="
_HEAD_BYTES = 160  # A usual request is a little longer, so every cut below this lies inside it.
_NAMES = ("Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version")


def _script(subject: str, **changes: Any) -> Script:
    return Script(subject, handshake=Handshake(**changes))


def _edges(subject: str, field: str, values: Iterable[Any]) -> Callable[[EndpointProfile], Iterable[Script]]:
    def scripts(profile: EndpointProfile) -> Iterable[Script]:
        return [_script(subject, **{field: value}) for value in values]

    return scripts


def keys() -> st.SearchStrategy[str]:
    """Legal keys: base64 of any 16 bytes, so + and / occur too."""
    raw = st.lists(st.integers(0, 255), min_size=16, max_size=16).map(bytes)
    return raw.map(lambda data: base64.b64encode(data).decode())


def spellings(word: str) -> st.SearchStrategy[str]:
    """One word with each letter in upper or lower case."""
    flips = st.lists(st.booleans(), min_size=len(word), max_size=len(word))
    return flips.map(lambda ups: "".join(c.upper() if up else c.lower() for c, up in zip(word, ups, strict=True)))


@st.composite
def token_lists(draw: st.DrawFn, *, word: str) -> str:
    """A comma-separated list with `word` among other tokens, in any case and with any blanks."""
    others = draw(st.lists(st.sampled_from(["keep-alive", "x", "close-not", "upgrade-insecure-requests"]), max_size=3))
    at = draw(st.integers(0, len(others)))
    tokens = [*others[:at], draw(spellings(word)), *others[at:]]
    blank = draw(st.sampled_from([", ", ",", " , ", ",\t"]))
    return blank.join(tokens)


@st.composite
def respelled(draw: st.DrawFn) -> Handshake:
    """A handshake whose header names, and values of Upgrade and Connection, are in any case."""
    values = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": _KEY, "Sec-WebSocket-Version": "13"}
    chosen = draw(st.lists(st.sampled_from(_NAMES), min_size=1, max_size=4, unique=True))
    lines = []
    for name in chosen:
        value = draw(spellings(values[name])) if name in ("Upgrade", "Connection") else values[name]
        lines.append((draw(spellings(name)), value + draw(st.sampled_from(["", " ", "\t"]))))
    return Handshake(omit=tuple(chosen), headers=tuple(lines))


def _respelled_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject = "header-names"
    for value in ("WebSocket", "WEBSOCKET", "websocket "):
        yield _script(subject, upgrade=value)
    for value in ("upgrade", "UPGRADE", "Upgrade "):
        yield _script(subject, connection=value)
    lower = tuple((name.lower(), value) for name, value in _usual_lines())
    upper = tuple((name.upper(), value) for name, value in _usual_lines())
    yield _script(subject, key=_KEY + " ")
    for lines in (lower, upper):
        yield _script(subject, omit=_NAMES, headers=lines)


def _usual_lines() -> list[tuple[str, str]]:
    return list(zip(_NAMES, ("websocket", "Upgrade", _KEY, "13"), strict=True))


def _connection_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject = "connection-list"
    for value in (
        "keep-alive, Upgrade",
        "Upgrade, keep-alive",
        "keep-alive,Upgrade",
        "keep-alive ,\tupgrade",
        ", Upgrade",
    ):
        yield _script(subject, connection=value)
    yield _script(subject, connection="keep-alive", headers=(("Connection", "Upgrade"),))
    yield _script(subject, connection="Upgrade", headers=(("Connection", "keep-alive"),))


def _extra_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject = "extra-headers"
    for name, value in (
        ("X-Empty", ""),
        ("constructor", "1"),
        ("__proto__", "1"),
        ("Cookie", "a=b; c=d"),
        ("X-Long", "x" * 3000),
        ("Sec-WebSocket-Unknown", "1"),
        ("Cache-Control", "no-cache"),
        ("X-Colon", "a: b: c"),
        ("X-Blanks", "a" + " " * 3000 + "b"),
        ("X-Latin", "caf\xe9"),
    ):
        yield _script(subject, headers=((name, value),))
    yield _script(subject, headers=tuple((f"X-Header-{index}", str(index)) for index in range(40)))


def _limit_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject, upgrade = "header-limits", (("Upgrade", "websocket"),)
    short = tuple(("a", "b") for _ in range(_MANY_LINES))
    yield _script(subject, omit=("Upgrade",), headers=short + upgrade)
    yield _script(subject, omit=("Upgrade",), headers=(("X-Long", "x" * 20_000), *upgrade))


def _folded_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject = "header-folding"
    yield _script(subject, headers=(("X-Folded", "one\r\n two"),))
    yield _script(subject, connection="keep-alive,\r\n\tUpgrade")


def _extension_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject = "extension-unknown"
    for offers in (
        ("x-wsproof",),
        ("x-wsproof; a; b=1",),
        ('x-wsproof; a="b"',),
        ('x-wsproof; a="\\b"',),
        ("x-wsproof", "x-other"),
        ("x-wsproof, x-wsproof",),
        ("x-wsproof; a; a",),
        tuple(f"x-wsproof-{number}" for number in range(100)),
        *((name,) for name in _BUILT_IN_NAMES),
        *((f"x-wsproof; {name}",) for name in _BUILT_IN_NAMES),
    ):
        yield _script(subject, extensions=offers)
    yield _script(subject, headers=tuple(("Sec-WebSocket-Extensions", name) for name in ("x-wsproof", "x-other")))


def _subprotocol_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject = "subprotocol-unknown"
    for offers in (("x.wsproof",), ("x.wsproof", "y.wsproof"), *((name,) for name in _BUILT_IN_NAMES)):
        yield _script(subject, subprotocols=offers)
    yield _script(subject, headers=tuple(("Sec-WebSocket-Protocol", name) for name in ("x.wsproof", "y.wsproof")))


def _host_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject = "host-once"
    yield _script(subject, headers=(("Host", "other.example"),))
    for value in ("two words", "http://example/", "name:port", "a@b"):
        yield _script(subject, omit=("Host",), headers=(("Host", value),))


def _body_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject = "handshake-body"
    yield _script(subject, headers=(("Content-Length", "5"),), body="hello")
    yield _script(subject, headers=(("Transfer-Encoding", "chunked"),), body="5\r\nhello\r\n0\r\n\r\n")


def _cut_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject = "handshake-segmentation"
    yield Script(subject, handshake_cuts=(1,))
    yield Script(subject, handshake_cuts=tuple(range(1, _HEAD_BYTES)))


def _cut_handshakes(profile: EndpointProfile) -> st.SearchStrategy[Script]:
    return strategies.cuts(_HEAD_BYTES, max_cuts=6).map(
        lambda cuts: Script("handshake-segmentation", handshake_cuts=cuts)
    )


def _pipelined(profile: EndpointProfile) -> Iterable[Script]:
    text, ping = Frame(Opcode.TEXT, b"early", mask=MASK), Frame(Opcode.PING, b"early", mask=MASK)
    for frames in ((text,), (ping,), (text, text)):
        yield Script("pipelined-frames", tuple(SendFrame(frame) for frame in frames), pipelined=True)


# A lenient number parser reads some of these as 13. The grammar (4.3) allows no signs, leading zeros or fractions.
_UNFIT_VERSIONS = ("0", "6", "9", "12", "14", "99", "255", "130", "1", "x", "-13", "+13", "013", "13.0", "1_3")
_UNFIT_KEYS = (
    "",
    "dG9vIHNob3J0",
    "bm90IHNpeHRlZW4gYnl0ZXMgYnV0IG1vcmU=",
    "!!!!not base64 at all!!==",
    "d3Nwcm9vZi1yZmM2NDU1IQ",
)
# The last one takes exponential time in a parser that backtracks over its backslashes.
_MALFORMED = ("permessage deflate", 'x; y="', "=x", "x; =1", "@", "x;;y", 'x; y="' + "\\c" * 40)
# Names that every object has in JavaScript. A server that stores offers in an object seems to know these names.
_BUILT_IN_NAMES = ("constructor", "__proto__", "toString", "hasOwnProperty")
# More than the 2,000 lines that one HTTP library keeps, in fewer bytes than the 16 KiB that it reads.
_MANY_LINES = 2100

_OFFER = "Sec-WebSocket-Protocol"
_UNKNOWN = "wsproof-unknown"


def _no_offer(profile: EndpointProfile) -> str:
    return (
        "" if profile.subprotocols else "no subprotocol is offered: give those that the endpoint knows (--subprotocol)"
    )


def _line_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject, names = "subprotocol-lines", profile.subprotocols
    yield _script(subject, omit=(_OFFER,), headers=tuple((_OFFER, name) for name in names))
    yield _script(subject, omit=(_OFFER,), headers=((_OFFER, ",".join(names)),))
    yield _script(subject, omit=(_OFFER,), headers=((_OFFER.lower(), " ,\t".join(names)),))


def _after_unknown_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject, names = "subprotocol-after-unknown", profile.subprotocols
    yield _script(subject, subprotocols=(_UNKNOWN, *names))
    yield _script(subject, subprotocols=(*names, _UNKNOWN))


PROPERTIES = (
    Property(
        "opening-accepted",
        lambda profile: keys().map(lambda key: _script("opening-accepted", key=key)),
        _edges(
            "opening-accepted",
            "key",
            [_KEY, "+/+/+/+/+/+/+/+/+/+/+w==", "AAAAAAAAAAAAAAAAAAAAAA==", "/////////////////////w=="],
        ),
    ),
    Property(
        "header-names",
        lambda profile: respelled().map(lambda handshake: Script("header-names", handshake=handshake)),
        _respelled_edges,
    ),
    Property(
        "connection-list",
        lambda profile: token_lists(word="upgrade").map(lambda value: _script("connection-list", connection=value)),
        _connection_edges,
    ),
    Property("upgrade-list", edges=_edges("upgrade-list", "upgrade", ["websocket, h2c", "h2c, websocket"])),
    Property("extra-headers", edges=_extra_edges),
    Property("subprotocol-lines", edges=_line_edges, not_here=_no_offer),
    Property("subprotocol-after-unknown", edges=_after_unknown_edges, not_here=_no_offer),
    Property("header-limits", edges=_limit_edges),
    Property("header-folding", edges=_folded_edges),
    Property("handshake-segmentation", _cut_handshakes, _cut_edges),
    Property("host-once", edges=_host_edges),
    Property("handshake-body", edges=_body_edges),
    Property(
        "method-get", edges=_edges("method-get", "method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD", "get"])
    ),
    Property("http-1-1", edges=_edges("http-1-1", "http", ["HTTP/1.0"])),
    Property("host-required", edges=_edges("host-required", "omit", [("Host",)])),
    Property(
        "upgrade-required",
        edges=lambda profile: [
            _script("upgrade-required", omit=("Upgrade",)),
            *_edges("upgrade-required", "upgrade", ["websockets", "xwebsocket", "web-socket", "h2c", ""])(profile),
        ],
    ),
    Property(
        "connection-required",
        edges=lambda profile: [
            _script("connection-required", omit=("Connection",)),
            *_edges(
                "connection-required",
                "connection",
                ["keep-alive", "upgraded", "keep-alive, no-upgrade", "keep-alive Upgrade", "close", ""],
            )(profile),
        ],
    ),
    Property(
        "key-required",
        edges=lambda profile: [_script("key-required", omit=("Sec-WebSocket-Key",))],
    ),
    Property("key-decodes", edges=_edges("key-decodes", "key", _UNFIT_KEYS)),
    Property("key-once", edges=_edges("key-once", "headers", [(("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),)])),
    Property(
        "version-13",
        edges=lambda profile: [
            _script("version-13", omit=("Sec-WebSocket-Version",)),
            *_edges("version-13", "version", _UNFIT_VERSIONS)(profile),
        ],
    ),
    Property("version-draft", edges=_edges("version-draft", "version", ["7", "8"])),
    Property("extension-unknown", edges=_extension_edges),
    Property(
        "extension-malformed", edges=_edges("extension-malformed", "extensions", [(value,) for value in _MALFORMED])
    ),
    Property("subprotocol-unknown", edges=_subprotocol_edges),
    Property(
        "subprotocol-malformed",
        edges=_edges(
            "subprotocol-malformed", "subprotocols", [("a b",), ("a,,b",), ('"a"',), ("a;b",), ("a", "a"), (",",)]
        ),
    ),
    Property("pipelined-frames", edges=_pipelined),
)
