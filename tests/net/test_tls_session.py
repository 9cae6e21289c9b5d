"""Tests of TLS without a socket, against a server of the standard library that has no socket either."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from tests.net.memory_tls import MemoryTlsServer
from tests.net.test_tls import certificate  # noqa: F401 - a fixture
from wsproof.net.tls_session import HEADER_BYTES, TlsSession


def client_of(certificate: Path) -> TlsSession:  # noqa: F811
    return TlsSession(ssl.create_default_context(cafile=str(certificate)), "127.0.0.1")


@pytest.fixture
def server(certificate: Path) -> MemoryTlsServer:  # noqa: F811
    return MemoryTlsServer(certificate)


@pytest.fixture
def client(certificate: Path, server: MemoryTlsServer) -> TlsSession:  # noqa: F811
    """A client whose handshake is done."""
    session = client_of(certificate)
    server.open(session)
    return session


def test_messages_pass_in_both_directions(client: TlsSession, server: MemoryTlsServer) -> None:
    assert server.decrypt(client.encrypt(b"hello")) == b"hello"
    assert client.receive(server.encrypt(b"welcome")) == b"welcome"
    assert client.is_between_records


def test_records_in_any_pieces_are_read_once_and_in_order(client: TlsSession, server: MemoryTlsServer) -> None:
    texts = [bytes([number]) * 10 for number in range(1, 5)]
    for size in range(1, 60):
        records = [server.encrypt(text) for text in texts]
        stream, ends = b"".join(records), [sum(map(len, records[:count])) for count in range(1, 5)]
        got = b""
        for at in range(0, len(stream), size):
            got += client.receive(stream[at : at + size])
            read = min(at + size, len(stream))
            assert client.is_between_records == (read in ends)
            assert got == b"".join(texts[: sum(end <= read for end in ends)])


def test_a_read_that_ends_within_a_record_returns_the_records_before_it(
    client: TlsSession, server: MemoryTlsServer
) -> None:
    whole, begun = server.encrypt(b"whole"), server.encrypt(b"begun")
    assert client.receive(whole + begun[: HEADER_BYTES - 1]) == b"whole"
    assert not client.is_between_records
    assert client.receive(begun[HEADER_BYTES - 1 :]) == b"begun"
    assert client.is_between_records


def test_a_record_of_the_largest_size_and_one_more_byte_are_two_records(
    client: TlsSession, server: MemoryTlsServer
) -> None:
    text = b"x" * 16_385
    assert client.receive(server.encrypt(text)) == text
    assert client.is_between_records


def test_close_notify_ends_the_stream_after_the_last_plaintext(client: TlsSession, server: MemoryTlsServer) -> None:
    assert client.receive(server.encrypt(b"last") + server.close()) == b"last"
    assert client.has_ended
    assert server.decrypt(client.encrypt(b"still heard")) == b"still heard"
    assert server.is_end(client.close())


def test_bytes_that_are_not_tls_raise_an_error(client: TlsSession) -> None:
    with pytest.raises(ssl.SSLError):
        client.receive(b"\x17\x03\x03\x00\x20" + b"?" * 32)


def test_an_untrusted_certificate_is_an_error_and_the_server_is_told(server: MemoryTlsServer) -> None:
    session = TlsSession(ssl.create_default_context(), "127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError):
        server.open(session)
    assert session.take_ciphertext()
    assert not session.is_open
