"""Tests of HTTP messages: encoding requests, and the end of a response (RFC 9112 6.3)."""

from __future__ import annotations

import pytest

from wsproof import HttpRequest
from wsproof.wire import HttpResponseReader

OK = b"HTTP/1.1 200 OK\r\n"


def read(data: bytes, *, method: str = "POST", piece: int = 1, eof: bool = False) -> HttpResponseReader:
    reader = HttpResponseReader(method)
    for start in range(0, len(data), piece):
        reader.feed(data[start : start + piece])
    if eof:
        reader.feed_eof()
    return reader


def test_a_request_has_the_connections_headers_except_those_it_sets_itself() -> None:
    request = HttpRequest("POST", "/say", "häl", {"x-user": "me"})
    head, _, body = request.encode("/say", {"Host": "h", "X-User": "all"}).partition(b"\r\n\r\n")
    assert body == "häl".encode()
    assert head.split(b"\r\n") == [
        b"POST /say HTTP/1.1",
        b"Host: h",
        b"x-user: me",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Length: 4",
    ]


def test_a_request_with_json_has_its_content_type() -> None:
    request = HttpRequest.json("/say", {"text": "x"}, method="PUT")
    assert (request.method, request.content) == ("PUT", b'{"text": "x"}')
    assert request.headers == {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "PO ST"},
        {"path": "rooms"},
        {"headers": {"a\r\nb": "c"}},
        {"headers": {"a": "b\r\nSmuggled: yes"}},
    ],
)
def test_a_request_that_is_not_valid_http_is_refused_when_it_is_created(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        HttpRequest(**{"method": "POST", "path": "/", **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize("piece", [1, 3, 1_000])
@pytest.mark.parametrize(
    ("data", "excerpt"),
    [
        (OK + b"Content-Length: 5\r\n\r\nhello", "hello"),
        (OK + b"Content-Length: 0\r\n\r\n", ""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", ""),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nA: b\r\n\r\n", "hello"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok", "ok"),
    ],
)
def test_the_end_of_a_response_is_found_and_the_connection_is_reused(data: bytes, excerpt: str, piece: int) -> None:
    reader = read(data, piece=piece)
    assert reader.is_complete
    assert reader.is_reusable
    assert reader.excerpt == excerpt
    assert not read(data[:-1], piece=piece).is_complete


def test_a_response_to_head_has_no_body() -> None:
    assert read(OK + b"Content-Length: 5\r\n\r\n", method="HEAD").is_complete


@pytest.mark.parametrize(
    "data",
    [
        OK + b"Connection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        OK + b"Content-Length: 1\r\n\r\nab",
    ],
)
def test_a_closed_or_ambiguous_connection_is_not_reused(data: bytes) -> None:
    reader = read(data, piece=1_000)
    assert reader.is_complete
    assert not reader.is_reusable


def test_a_body_without_a_length_ends_with_the_stream() -> None:
    data = OK + b"\r\nhello"
    assert not read(data).is_complete
    assert read(data, eof=True).is_complete
    assert not read(data, eof=True).is_reusable


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "before it answered"),
        (OK + b"Content-Length: 5\r\n\r\nhel", "in the middle of its response"),
        (b"220 smtp ready\r\n\r\n", "not an HTTP status line"),
        (OK + b"Content-Length: many\r\n\r\n", "Content-Length is not a number"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "has no size"),
    ],
)
def test_an_invalid_response_is_reported(data: bytes, words: str) -> None:
    assert words in read(data, eof=True).fault
