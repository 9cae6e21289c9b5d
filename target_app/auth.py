"""Authentication of WebSocket clients and HTTP requests.

A WebSocket client presents its token in one of these ways. If it uses several, the first in this list counts:

- as a subprotocol: it offers `target_app.v1` and `bearer.<token>`;
- in an `Authorization: Bearer` header, where the client can set headers (browsers cannot);
- in the cookie `target_app_token`, from a page of an allowed origin only;
- in the query, `?token=`: deprecated, since addresses are written to logs and histories. Our log redacts it;
- in its first message: `{"type": "authenticate", "token": "..."}`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import secrets
from typing import Annotated

from fastapi import Depends, HTTPException, Request, WebSocket
from fastapi.requests import HTTPConnection
from pydantic import TypeAdapter

from target_app.close_reasons import AUTH_TIMEOUT, NO_STATUS, POLICY_VIOLATION, PROTOCOL_VERSION, Refusal
from target_app.connection import Connection
from target_app.dialect import parse
from target_app.hosts import is_loopback
from target_app.messages import PROTOCOL, Authenticate, ErrorCode, ErrorMessage
from target_app.origins import is_allowed
from target_app.proxies import is_forwarded
from target_app.services import Services
from target_app.tokens import Identity, InvalidToken, Tokens

__all__ = ["WATCHERS", "Admin", "Identity", "Known", "identify", "signed_in", "subprotocol"]

COOKIE = "target_app_token"
BEARER_SUBPROTOCOL = "bearer."
FAMILY = PROTOCOL.rpartition(".v")[0] + ".v"
MAX_TOKEN_CHARACTERS = 4_096

logger = logging.getLogger("target_app")
_first_message: TypeAdapter[Authenticate] = TypeAdapter(Authenticate)


def subprotocol(websocket: WebSocket) -> str | None:
    """Return the subprotocol to accept; None if the client did not offer ours."""
    return PROTOCOL if PROTOCOL in websocket.scope["subprotocols"] else None


async def identify(websocket: WebSocket) -> Identity | None:
    """Return the user that the handshake names; None without a token. Raises InvalidToken for an invalid one."""
    token = presented_token(websocket)
    return None if token is None else _read(websocket, token)


async def signed_in(websocket: WebSocket, connection: Connection) -> Identity:
    """Return the user, from the handshake or the first message.

    The connection was accepted before, so that a browser sees why it is refused. Raises Refusal: 1008 for an invalid
    token, 4002 if none comes in time, 4005 for another version of the protocol.
    """
    _check_version(websocket)
    try:
        identity = await identify(websocket)
        return await _from_first_message(websocket, connection) if identity is None else identity
    except InvalidToken as invalid:
        raise refused(connection, invalid.reason) from invalid


def refused(connection: Connection, reason: str) -> Refusal:
    """Send the reason to the client, and return the refusal to raise."""
    text = f"This connection is not let in: {reason.replace('_', ' ')}."
    connection.send(ErrorMessage(code=ErrorCode.UNAUTHENTICATED, text=text).to_json())
    return Refusal(POLICY_VIOLATION, reason)


def presented_token(connection: HTTPConnection) -> str | None:
    """Return the token of the request or handshake; None if it has none."""
    for offered in connection.scope.get("subprotocols", ()):
        if offered.startswith(BEARER_SUBPROTOCOL):
            return str(offered.removeprefix(BEARER_SUBPROTOCOL))
    scheme, _, credentials = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials:
        return credentials.strip()
    if (cookie := connection.cookies.get(COOKIE)) and _is_from_allowed_page(connection):
        return cookie
    if (token := connection.query_params.get("token")) is not None:
        logger.info("deprecated: a token in the query of %s", connection.url.path)
        return token
    return None


def _is_from_allowed_page(connection: HTTPConnection) -> bool:
    """Return whether the request comes from an allowed page, so that its cookie counts.

    Browsers send the cookie with requests of any page. A GET to a page's own server has no Origin, but Sec-Fetch-Site.
    """
    if "origin" in connection.headers:
        return is_allowed(connection, Services.of(connection).settings)
    if "sec-fetch-site" in connection.headers:
        return connection.headers["sec-fetch-site"] == "same-origin"
    # Over plain HTTP, browsers send Sec-Fetch-Site to loopback only. Elsewhere, allow reading: the cookie is
    # SameSite=Strict, so only pages of this site send it, and only pages of this origin can read the answer.
    is_plain = connection.scope["scheme"] in ("http", "ws") and not is_loopback(connection)
    return is_plain and connection.scope.get("method") in ("GET", "HEAD")


def _read(connection: HTTPConnection, token: str) -> Identity:
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise InvalidToken("invalid_token")
    return Services.of(connection).shared(Tokens).read(token)


def _check_version(websocket: WebSocket) -> None:
    offered = [name for name in websocket.scope["subprotocols"] if name.startswith(FAMILY)]
    if offered and PROTOCOL not in offered:
        raise Refusal(PROTOCOL_VERSION, "protocol_version")


async def _from_first_message(websocket: WebSocket, connection: Connection) -> Identity:
    try:
        async with asyncio.timeout(connection.services.settings.auth_timeout):
            raw = await anext(connection, None)
    except TimeoutError:
        raise Refusal(AUTH_TIMEOUT, "auth_timeout") from None
    if raw is None:
        raise Refusal(NO_STATUS, "left")  # the client left, and that ending was recorded first
    message = parse(_first_message, raw)
    if isinstance(message, ErrorMessage):
        raise InvalidToken("authenticate_first")
    return _read(websocket, message.token)


async def _known(request: Request) -> Identity:
    token = presented_token(request)
    try:
        if token is None:
            raise InvalidToken("no_token")
        return _read(request, token)
    except InvalidToken as invalid:
        raise HTTPException(401, invalid.reason, {"www-authenticate": "Bearer"}) from invalid


async def _admin(identity: Annotated[Identity, Depends(_known)]) -> Identity:
    if not identity.is_admin:
        raise HTTPException(403, "admins_only")
    return identity


async def _watcher(request: Request) -> None:
    token = Services.of(request).settings.metrics_token
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ").encode()
    if token is not None and secrets.compare_digest(bearer, token.get_secret_value().encode()):
        return
    if not is_of_this_host(request):
        await _admin(await _known(request))


def is_of_this_host(request: Request) -> bool:
    """Return whether a program of this machine asks, and not a proxy for another."""
    if request.client is None or is_forwarded(request, Services.of(request).settings):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


WATCHERS = [Depends(_watcher)]
"""Dependencies of an endpoint for administrators, programs on this host, and clients with the token for metrics."""

Known = Annotated[Identity, Depends(_known)]
"""A parameter of an HTTP endpoint: the signed-in user. Answers 401 without one."""

Admin = Annotated[Identity, Depends(_admin)]
"""The same for an administrator. Answers 403 to other users."""
