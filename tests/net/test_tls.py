from __future__ import annotations

import datetime
import hashlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic_ns

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.net.hand import accept_handshake, played
from wsproof import TargetError, UsageError
from wsproof.net.client import Client
from wsproof.net.endpoint import Endpoint
from wsproof.net.kernel_clock import does_kernel_stamp
from wsproof.wire import BinaryMessage, Frame, FrameDecoder, Opcode, TextMessage

CLOCK_ERROR_NS = 1_000
Wrap = Callable[[socket.socket], socket.socket]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a key and a self-signed certificate for 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "wsproof test")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def wrap(certificate: Path) -> Wrap:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return lambda sock: context.wrap_socket(sock, server_side=True)


def talk(sock: socket.socket) -> None:
    accept_handshake(sock)
    # More than one TLS record: the client must not wait for a socket whose data OpenSSL already holds.
    sock.sendall(Frame(Opcode.TEXT, b"a" * 40_000).encode() + Frame(Opcode.TEXT, b"last").encode())
    assert sock.recv(100) == b""


@pytest.mark.skipif(not does_kernel_stamp(), reason="this system does not stamp received data")
def test_a_message_over_tls_has_its_arrival_time_although_it_is_read_late(certificate: Path, wrap: Wrap) -> None:
    sent_ns: list[int] = []
    is_sent = threading.Event()

    def send_large_message(sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # otherwise TCP waits for an acknowledgement
        accept_handshake(sock)
        sent_ns.append(monotonic_ns())
        sock.sendall(Frame(Opcode.TEXT, b"hello").encode())
        sent_ns.append(monotonic_ns())
        is_sent.set()
        assert sock.recv(100) == b""

    with (
        played(send_large_message, wrap=wrap) as server,
        Client(Endpoint("127.0.0.1", server.port, tls=True, ca=str(certificate))) as client,
    ):
        client.open()
        assert is_sent.wait(90)
        assert client.wait_event(lambda event: event == TextMessage("hello", 1), 90) is not None
        before_ns, after_ns = sent_ns
        assert before_ns - CLOCK_ERROR_NS <= client.event_times_ns[-1] <= after_ns + CLOCK_ERROR_NS


def test_a_message_larger_than_all_buffers_is_sent_completely_over_tls(certificate: Path, wrap: Wrap) -> None:
    size = 8_000_000
    digest = hashlib.sha256(b"z" * size).digest()

    def listen(sock: socket.socket) -> None:
        accept_handshake(sock)
        decoder = FrameDecoder()
        while (frame := decoder.next_frame()) is None:
            more = sock.recv(65_536)
            assert more, "the client ended inside a frame"
            decoder.feed(more)
        sock.sendall(Frame(Opcode.BINARY, hashlib.sha256(frame.payload).digest()).encode())
        assert sock.recv(100) == b""

    with (
        played(listen, wrap=wrap) as server,
        Client(Endpoint("127.0.0.1", server.port, tls=True, ca=str(certificate)), deadline_s=90) as client,
    ):
        client.open()
        assert client.send_binary(b"z" * size)
        assert client.wait_event(lambda event: event == BinaryMessage(digest, 1)) is not None


@pytest.mark.parametrize("trust", ["ca", "insecure"])
def test_messages_pass_over_tls_and_a_half_close_keeps_the_other_direction(
    certificate: Path, wrap: Wrap, trust: str
) -> None:
    with played(talk, wrap=wrap) as server:
        endpoint = Endpoint(
            "127.0.0.1",
            server.port,
            tls=True,
            ca=str(certificate) if trust == "ca" else None,
            insecure=trust == "insecure",
        )
        with Client(endpoint) as client:
            assert client.open().status == 101
            client.half_close()
            assert client.wait_event(lambda event: event == TextMessage("last", 1)) is not None


def test_an_untrusted_certificate_is_an_error_with_advice(wrap: Wrap) -> None:
    def fail(sock: socket.socket) -> None:
        raise AssertionError("TLS should not have been agreed")

    with (
        pytest.raises(ssl.SSLError),
        played(fail, wrap=wrap) as server,
        pytest.raises(TargetError, match="--ca FILE"),
    ):
        Client(Endpoint("127.0.0.1", server.port, tls=True)).open()


def test_a_missing_certificate_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected --ca to name a file"):
        Endpoint("127.0.0.1", 1, tls=True, ca=str(tmp_path / "none.pem")).ssl_context()


def test_a_server_that_requests_a_client_certificate_gets_it(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    ours = str(certificate)

    def wrapped(sock: socket.socket) -> socket.socket:
        return context.wrap_socket(sock, server_side=True)

    with (
        played(talk, wrap=wrapped) as server,
        Client(Endpoint("127.0.0.1", server.port, tls=True, ca=ours, cert=ours), deadline_s=60) as client,
    ):
        assert client.open().status == 101
        client.half_close()
        assert client.wait_event(lambda event: event == TextMessage("last", 1)) is not None


def test_an_unusable_client_certificate_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    endpoint = Endpoint("127.0.0.1", 1, tls=True, cert=str(tmp_path / "empty.pem"))
    with pytest.raises(UsageError, match=r"expected --cert and --key to name a certificate and its key"):
        endpoint.ssl_context()
