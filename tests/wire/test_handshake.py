"""Tests of the upgrade request, of reading the response, and of the audit of both."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import InvalidHeaderFormat
from websockets.headers import parse_extension

from tests.wire.conversations import KEY, a_request, cut_points, in_pieces, response_head
from wsproof.wire import (
    DeflateAgreement,
    DeflateOffer,
    Extension,
    Request,
    ResponseParser,
    accept_key,
    audit_response,
    parse_extensions,
    random_key,
)


def parsed(data: bytes, cuts: list[int] | None = None, **options: int) -> ResponseParser:
    parser = ResponseParser(**options)
    for piece in in_pieces(data, cuts or []):
        parser.feed(piece)
    return parser


def audited(data: bytes, **changes: object) -> list[str]:
    response = parsed(data).response
    assert response is not None
    return [breach.rule for breach in audit_response(a_request(**changes), response)]


def test_the_accept_key_is_that_of_the_example_in_the_rfc() -> None:
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_a_random_key_comes_from_the_given_source() -> None:
    assert random_key(random.Random(3)) == random_key(random.Random(3)) != random_key(random.Random(4))
    assert len(random_key(random.Random(3))) == 24


def test_a_request_is_written_in_a_fixed_order() -> None:
    request = a_request(
        subprotocols=("a", "b"),
        origin="http://o",
        extensions=("permessage-deflate",),
        headers=(("X-A", "1"), ("X-A", "2")),
    )
    assert request.encode() == (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: http://o\r\n"
        b"Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Extensions: permessage-deflate\r\nX-A: 1\r\nX-A: 2\r\n\r\n"
    )


def test_a_request_can_be_illegal() -> None:
    request = Request("h", "/ ü", "k", "99", "POST", "HTTP/1.0", omit=frozenset({"UPGRADE", "sec-websocket-key"}))
    assert request.encode() == (
        b"POST / \xfc HTTP/1.0\r\nHost: h\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 99\r\n\r\n"
    )
    assert request.header_values("upgrade") == []


@given(cut_points, st.binary(max_size=20))
def test_a_response_is_read_for_any_segmentation_and_the_following_bytes_are_kept(
    cuts: list[int], following: bytes
) -> None:
    head = b"HTTP/1.1 101 Switching\r\nA: 1\r\nB:  two words \r\na: 3\r\n\r\n"
    parser = parsed(head + following, cuts)
    assert parser.response is not None
    assert (parser.response.status, parser.response.reason, parser.response.http) == (101, "Switching", "HTTP/1.1")
    assert parser.response.headers == (("A", "1"), ("B", "two words"), ("a", "3"))
    assert parser.response.header_values("a") == ["1", "3"]
    assert parser.response.header("B") == "two words"
    assert parser.response.header("c") is None
    assert parser.rest == following


def test_interim_responses_are_skipped() -> None:
    parser = parsed(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nbody")
    assert parser.response is not None
    assert parser.response.status == 200
    assert parser.rest == b"body"


def test_a_status_line_without_reason_is_read() -> None:
    parser = parsed(b"HTTP/1.1 404\r\n\r\n")
    assert parser.response is not None
    assert (parser.response.status, parser.response.reason) == (404, "")


@pytest.mark.parametrize(
    "data",
    [
        b"\x81\x05Hello\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 101 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 101 OK\r\n folded: x\r\n\r\n",
        b"\r\n\r\n",
    ],
)
@given(cuts=cut_points)
def test_an_invalid_http_response_is_reported_with_an_explanation(data: bytes, cuts: list[int]) -> None:
    parser = parsed(data, cuts)
    assert parser.response is None
    assert parser.fault
    assert parser.unread == data


def test_a_response_head_over_the_limit_is_reported() -> None:
    parser = parsed(b"HTTP/1.1 101 OK\r\nA: " + b"x" * 1000, max_head_bytes=500)
    assert parser.fault == "the response head is longer than 500 bytes"
    assert len(parser.unread) <= 4096


def test_a_correct_response_breaks_no_rule() -> None:
    assert audited(response_head()) == []
    assert audited(response_head("Sec-WebSocket-Protocol: b"), subprotocols=("a", "b")) == []
    assert audited(b"HTTP/1.1 403 Forbidden\r\n\r\n") == []


def _without(name: str) -> bytes:
    lines = response_head().split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.lower().startswith(name.encode()))


@pytest.mark.parametrize(
    ("rule", "head"),
    [
        ("http-version", response_head().replace(b"HTTP/1.1", b"HTTP/1.0")),
        ("upgrade-missing", _without("upgrade")),
        ("upgrade-missing", response_head().replace(b"websocket", b"websockets", 1)),
        ("upgrade-missing", response_head("Upgrade: websocket")),
        ("connection-missing", _without("connection")),
        ("connection-missing", response_head().replace(b"Connection: Upgrade", b"Connection: Upgraded, close")),
        ("accept-missing", _without("sec-websocket-accept")),
        ("accept-repeated", response_head(f"Sec-WebSocket-Accept: {accept_key(KEY)}")),
        ("accept-wrong", response_head(key="c29tZXRoaW5nIGVsc2UhIQ==")),
        ("accept-wrong", response_head().replace(b"s3pP", b"S3PP")),
        ("subprotocol-not-offered", response_head("Sec-WebSocket-Protocol: chat")),
        ("subprotocol-not-offered", response_head("Sec-WebSocket-Protocol:")),
        ("extension-not-offered", response_head("Sec-WebSocket-Extensions: permessage-deflate")),
        ("extension-grammar", response_head("Sec-WebSocket-Extensions: a b")),
        ("body-in-101", response_head("Content-Length: 0")),
        ("field-repeated", response_head("Date: a", "Date: a")),
        ("field-repeated", response_head("Server: a", "server: b")),
        ("body-in-101", response_head("Transfer-Encoding: chunked")),
    ],
)
def test_each_fault_of_a_response_is_named(rule: str, head: bytes) -> None:
    assert audited(head) == [rule]


def test_tokens_are_compared_without_case_where_the_rfc_says_so() -> None:
    head = response_head().replace(b"websocket", b"WebSocket", 1)
    assert audited(head.replace(b"Connection: Upgrade", b"Connection: keep-alive, UPGRADE")) == []
    assert audited(response_head("Sec-WebSocket-Protocol: CHAT"), subprotocols=("chat",)) == ["subprotocol-not-offered"]


@pytest.mark.parametrize("lines", [("a, b",), ("a", "b"), ("a", "a")])
def test_a_second_subprotocol_is_a_breach(lines: tuple[str, ...]) -> None:
    head = response_head(*(f"Sec-WebSocket-Protocol: {line}" for line in lines))
    assert audited(head, subprotocols=("a", "b")) == ["subprotocol-repeated"]


def test_a_426_response_must_name_the_supported_versions() -> None:
    assert audited(b"HTTP/1.1 426 Upgrade Required\r\n\r\n", version="12") == ["version-not-named"]
    assert audited(b"HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\n\r\n", version="12") == []


@pytest.mark.parametrize(
    ("offer", "answer", "rules"),
    [
        ("permessage-deflate", "permessage-deflate", []),
        ("permessage-deflate", "permessage-deflate; server_no_context_takeover", []),
        ("permessage-deflate", "permessage-deflate; client_no_context_takeover; server_max_window_bits=9", []),
        ("permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=10", []),
        ("permessage-deflate; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=9", []),
        ("permessage-deflate; server_max_window_bits=10", 'permessage-deflate; server_max_window_bits="10"', []),
        ("permessage-deflate; server_max_window_bits=9, permessage-deflate", "permessage-deflate", []),
        ("permessage-deflate", "permessage-deflate; client_max_window_bits=15", ["deflate-parameters"]),
        ("permessage-deflate; server_max_window_bits=10", "permessage-deflate", ["deflate-parameters"]),
        (
            "permessage-deflate; server_max_window_bits=10",
            "permessage-deflate; server_max_window_bits=11",
            ["deflate-parameters"],
        ),
        ("permessage-deflate; server_no_context_takeover", "permessage-deflate", ["deflate-parameters"]),
        ("permessage-deflate", "permessage-deflate; server_max_window_bits=7", ["deflate-parameters"]),
        ("permessage-deflate", "permessage-deflate; server_max_window_bits=16", ["deflate-parameters"]),
        ("permessage-deflate", "permessage-deflate; server_max_window_bits=09", ["deflate-parameters"]),
        ("permessage-deflate", "permessage-deflate; server_max_window_bits", ["deflate-parameters"]),
        (
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; client_max_window_bits",
            ["deflate-parameters"],
        ),
        ("permessage-deflate", "permessage-deflate; server_no_context_takeover=1", ["deflate-parameters"]),
        (
            "permessage-deflate",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            ["deflate-parameters"],
        ),
        ("permessage-deflate", "permessage-deflate; foo", ["deflate-parameters"]),
        ("permessage-deflate; foo", "permessage-deflate", ["deflate-parameters"]),
        ("permessage-deflate", "permessage-deflate, permessage-deflate", ["extension-repeated"]),
    ],
)
def test_an_answer_to_a_deflate_offer_is_audited(offer: str, answer: str, rules: list[str]) -> None:
    assert audited(response_head(f"Sec-WebSocket-Extensions: {answer}"), extensions=(offer,)) == rules


bits = st.integers(8, 15)


@given(st.builds(DeflateOffer, st.booleans(), st.booleans(), st.none() | bits, st.none() | st.just(True) | bits))
def test_an_offer_survives_encoding_and_parsing(offer: DeflateOffer) -> None:
    extensions = parse_extensions(offer.encode())
    assert extensions is not None
    assert DeflateOffer.parse(extensions[0]) == offer


@given(st.builds(DeflateAgreement, st.booleans(), st.booleans(), bits, bits, st.just(True)))
def test_an_agreement_survives_encoding_and_parsing(agreement: DeflateAgreement) -> None:
    extensions = parse_extensions(agreement.encode())
    assert extensions is not None
    assert DeflateAgreement.parse(extensions[0]) == agreement


def test_an_offer_has_client_max_window_bits_with_or_without_a_value() -> None:
    assert DeflateOffer(client_max_window_bits=True).encode() == "permessage-deflate; client_max_window_bits"
    assert DeflateOffer(client_max_window_bits=8).encode() == "permessage-deflate; client_max_window_bits=8"


@pytest.mark.parametrize(
    ("value", "extensions"),
    [
        ("a", (Extension("a"),)),
        ('a; b, c; d=1 ; e = "x"', (Extension("a", (("b", None),)), Extension("c", (("d", "1"), ("e", "x"))))),
        (" , a ,, b", (Extension("a"), Extension("b"))),
        ('a; b="x\\y"', (Extension("a", (("b", "xy"),)),)),
        ('a; b="x y"', None),
        ('a; b=""', None),
        ('a; b="x', None),
        ("a;", None),
        ("a b", None),
        ("a; =1", None),
        ("a; b=", None),
        ("a=1", None),
        ("", None),
        (",", None),
    ],
)
def test_extension_headers_parse_by_the_grammar_of_rfc_6455(
    value: str, extensions: tuple[Extension, ...] | None
) -> None:
    assert parse_extensions(value) == extensions


@given(st.text(alphabet='ab1;,= "\\\t', max_size=14))
def test_the_extension_grammar_agrees_with_an_independent_parser(value: str) -> None:
    value = value.strip(" \t")  # The independent parser expects header values without surrounding whitespace
    ours = parse_extensions(value)
    try:
        theirs = parse_extension(value)
    except InvalidHeaderFormat:
        assert ours is None
    else:
        assert ours == tuple(Extension(name, tuple(params)) for name, params in theirs)


@pytest.mark.parametrize(
    ("rule", "lines"),
    [
        ("length-contradicts", ["Content-Length: 0", "Content-Length: 5"]),
        ("field-repeated", ["Content-Length: 5", "Content-Length: 5"]),
        ("length-grammar", ["Content-Length: five"]),
        ("length-and-encoding", ["Content-Length: 5", "Transfer-Encoding: chunked"]),
        ("field-repeated", ["Location: /a", "Location: /b"]),
        ("field-characters", ["X-Note: a\nb"]),
    ],
)
def test_a_refusal_is_an_http_response(rule: str, lines: list[str]) -> None:
    assert audited("\r\n".join(["HTTP/1.1 400 Bad Request", *lines, "", ""]).encode()) == [rule]


def test_a_refusal_may_repeat_fields_that_are_lists() -> None:
    lines = ["HTTP/1.1 400 Bad Request", "Set-Cookie: a=1", "Set-Cookie: b=2", "Vary: A", "Vary: B", "Via: x", "Via: y"]
    assert audited("\r\n".join([*lines, "Content-Length: 5", "", ""]).encode()) == []
