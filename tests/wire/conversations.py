"""Helpers of the wire tests: an open peer, an independent codec, and strategies for traffic."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request as TheirRequest
from websockets.server import ServerProtocol

from wsproof.wire import Accepted, Frame, Opcode, Peer, Request, accept_key

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MASK = b"\x01\x02\x03\x04"


def a_request(**changes: object) -> Request:
    """Return a legal request, or one with some fields changed."""
    return Request(**{"host": "localhost", "path": "/", "key": KEY, **changes})  # type: ignore[arg-type]


def a_peer(request: Request | None = None, **options: object) -> Peer:
    """Return a peer in CONNECTING whose request has been read."""
    masks = random.Random(7)
    peer = Peer(request or a_request(), masking=lambda: masks.randbytes(4), **options)  # type: ignore[arg-type]
    peer.connect()
    peer.data_to_send()
    return peer


def response_head(*extra: str, key: str = KEY, status: str = "101 Switching Protocols") -> bytes:
    """Return the bytes of a correct 101 response, with extra header lines."""
    lines = ["Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {accept_key(key)}", *extra]
    return f"HTTP/1.1 {status}\r\n{''.join(line + chr(13) + chr(10) for line in lines)}\r\n".encode()


def an_open_peer(deflate: str | None = None, **options: object) -> Peer:
    """Return a peer in OPEN without pending events. `deflate` is both the offer and the answer to it."""
    request = a_request(extensions=(deflate,) if deflate else ())
    peer = a_peer(request, **options)
    peer.receive_data(response_head(*([f"Sec-WebSocket-Extensions: {deflate}"] if deflate else [])))
    (event,) = peer.events_received()
    assert isinstance(event, Accepted)
    assert peer.breaches == []
    return peer


def their_server(peer_request: bytes, *, deflate: ServerPerMessageDeflateFactory | None = None) -> ServerProtocol:
    """Return the server side of `websockets` after the handshake. Its response is in `data_to_send`."""
    server = ServerProtocol(extensions=[deflate] if deflate else None, max_size=None)
    server.receive_data(peer_request)
    (request,) = server.events_received()
    assert isinstance(request, TheirRequest)
    server.send_response(server.accept(request))
    return server


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut `data` at these positions, each taken modulo its length."""
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(places)]


def rules_of(peer: Peer) -> list[str]:
    """Return the names of the rules broken so far."""
    return [breach.rule for breach in peer.breaches]


cut_points = st.lists(st.integers(0, 100_000), max_size=12)
texts = st.one_of(st.text(max_size=40), st.sampled_from(["x" * n for n in (125, 126, 65_535, 65_536)]))
payloads = st.one_of(st.binary(max_size=60), st.sampled_from([bytes(n) for n in (125, 126, 65_535, 65_536)]))


def any_frames() -> st.SearchStrategy[Frame]:
    """Draw legal and illegal frames, all with a correct length in its shortest form."""
    return st.builds(
        Frame,
        opcode=st.integers(0, 15),
        payload=payloads,
        fin=st.booleans(),
        rsv=st.integers(0, 7),
        mask=st.none() | st.binary(min_size=4, max_size=4),
    )


def ordinary_frames() -> st.SearchStrategy[Frame]:
    """Draw frames that the fast path accepts."""
    return st.builds(Frame, opcode=st.sampled_from([Opcode.TEXT, Opcode.BINARY]), payload=payloads)
