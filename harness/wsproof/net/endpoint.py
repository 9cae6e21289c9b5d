"""Endpoint: the address and the options of the upgrade request."""

from __future__ import annotations

import base64
import ipaddress
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from wsproof.errors import UsageError
from wsproof.model.secrecy import is_secret_name, learn, secrets_in_header
from wsproof.net.budget import Budget
from wsproof.net.redact import redact, redact_url
from wsproof.net.users import UserTable
from wsproof.wire.handshake import Request

_DEFAULT_PORTS = {"ws": 80, "wss": 443, "http": 80, "https": 443}
MEMBER_NUMBER = "{n}"
"""Placeholder for the member's number in a header, a token or a query of the user."""
_PATH_SAFE = "/?#[]@!$&'()*+,;=:%-._~"


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """An address and the options of its upgrade request.

    `path` includes its query. `headers` are extra request headers, in order. `ca` is a file of trusted certificates in
    PEM format; `insecure` accepts any certificate. `cert` and `key` are the files of our own certificate. `unix` is the
    path of a Unix socket, used instead of host and port. `query` is the query that the user gave, without its question
    mark: workload paths without a query of their own get it.
    """

    host: str
    port: int
    path: str = "/"
    tls: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    subprotocols: tuple[str, ...] = ()
    origin: str | None = None
    ca: str | None = None
    insecure: bool = False
    cert: str | None = None
    key: str | None = None
    unix: str | None = None
    source: str = ""
    """The address of this machine to connect from; empty for the one that the system chooses."""
    query: str = ""
    users: UserTable | None = None
    """The users whose rows fill the path, the query and the headers of members."""
    budget: Budget | None = field(default=None, compare=False)
    """Time budget of the run. It limits connects to this endpoint and waits for its answers."""

    def within(self, budget: Budget) -> Endpoint:
        """Return the same endpoint with this time budget."""
        return replace(self, budget=budget)

    def at_most(self, seconds: float) -> float:
        """Limit a wait to the remaining time of the run."""
        return self.budget.at_most(seconds) if self.budget is not None else seconds

    def at(self, path: str) -> Endpoint:
        """Return the same server at another path (query included). Non-ASCII characters are percent-encoded."""
        return replace(self, path=clean_path(path))

    def channel(self, path: str) -> Endpoint:
        """Return the same server at a workload's path. `with_query` decides whose query the path has."""
        return self.at(with_query(path, self.query))

    def with_own(self, headers: Mapping[str, str], subprotocols: Sequence[str] = ()) -> Endpoint:
        """Return the same endpoint with a member's own headers and subprotocols.

        The headers replace those of the same name. A cookie is added to the others, since one field holds all of them
        (RFC 6265 5.4). Without subprotocols of its own, the member offers those of the endpoint.
        """
        own = dict(headers)
        for name in [name for name in own if name.lower() == "cookie"]:
            own[name] = "; ".join([*(value for key, value in self.headers if key.lower() == "cookie"), own[name]])
        replaced = {name.lower() for name in own}
        remaining = tuple(header for header in self.headers if header[0].lower() not in replaced)
        return replace(self, headers=(*remaining, *own.items()), subprotocols=tuple(subprotocols) or self.subprotocols)

    def numbered(self, number: int) -> Endpoint:
        """Return the same endpoint for the member of this number: path, query and headers are filled in.

        `{n}` becomes the number, and `{column}` the value in the member's row of the users.
        """
        text = str(number)

        def filled(value: str, *, in_url: bool) -> str:
            if self.users is not None:
                value = self.users.fill(value, number, in_url=in_url)
            return value.replace(MEMBER_NUMBER, text).replace(quote(MEMBER_NUMBER), text)

        headers = tuple((name, filled(value, in_url=False)) for name, value in self.headers)
        for name, value in set(headers) - set(self.headers):
            if is_secret_name(name):
                learn(secrets_in_header(name, value))
        path, query = filled(self.path, in_url=True), filled(self.query, in_url=True)
        return replace(self, path=path, query=query, headers=headers)

    @property
    def http_url(self) -> str:
        """The address of the same server for HTTP requests, without a path."""
        return f"{'https' if self.tls else 'http'}://{self.host_header}"

    @property
    def url(self) -> str:
        """The URL without secrets."""
        return redact_url(f"{'wss' if self.tls else 'ws'}://{self.host_header}{self.path}")

    @property
    def host_header(self) -> str:
        """The value of the Host header, with the port unless it is the default one (RFC 6455 4.1)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    def request(self, key: str) -> Request:
        """Return the upgrade request with this Sec-WebSocket-Key (see `wire.handshake.random_key`)."""
        return Request(
            host=self.host_header,
            path=self.path,
            key=key,
            headers=self.headers,
            subprotocols=self.subprotocols,
            origin=self.origin,
        )

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return the TLS context; None for plain TCP.

        Raises:
            UsageError: a file of certificates or of a key cannot be read.
        """
        if not self.tls:
            return None
        return _ssl_context(self.ca, self.insecure, self.cert, self.key)

    def to_json(self) -> dict[str, Any]:
        """Return all fields, secrets included, for one of our worker processes.

        Send the result through a pipe only, and never write it to a file.
        """
        return {
            "host": self.host,
            "port": self.port,
            "path": self.path,
            "tls": self.tls,
            "headers": [list(header) for header in self.headers],
            "subprotocols": list(self.subprotocols),
            "origin": self.origin,
            "ca": self.ca,
            "insecure": self.insecure,
            "cert": self.cert,
            "key": self.key,
            "unix": self.unix,
            "query": self.query,
            "users": self.users.to_json() if self.users is not None else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Endpoint:
        """The inverse of `to_json`."""
        headers = tuple((name, value) for name, value in data["headers"])
        users = UserTable.from_json(data["users"]) if data["users"] is not None else None
        return cls(**{**data, "headers": headers, "subprotocols": tuple(data["subprotocols"]), "users": users})

    def __repr__(self) -> str:
        return f"Endpoint({redact(self.url)})"


@cache
def _ssl_context(ca: str | None, insecure: bool, cert: str | None, key: str | None) -> ssl.SSLContext:
    # Cached: it reads all trusted certificates of the system, which is too slow for every connection.
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"expected --ca to name a file of certificates (PEM), but {ca} cannot be used: {error}"
        ) from error
    if cert is not None:
        try:
            context.load_cert_chain(cert, key, password=_no_password)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"expected --cert and --key to name a certificate and its key (PEM, without a password), but {cert} "
                f"cannot be used: {error}"
            ) from error
    context.set_alpn_protocols(["http/1.1"])
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _no_password() -> str:
    """Answer OpenSSL's question for the password of a key, so that it does not ask on the terminal."""
    return ""


def parse_url(url: str, *, schemes: tuple[str, ...] = ("ws", "wss")) -> Endpoint:
    """Parse a URL (RFC 6455 3). Its user name and password become a Basic Authorization header.

    Raises:
        UsageError: the URL is not valid; the message says why.
    """
    shown = redact_url(url)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{shown} is not a URL: {error}. Expected e.g. ws://127.0.0.1:8000/ws") from error
    if parts.scheme not in schemes:
        expected = " or ".join(f"{scheme}://" for scheme in schemes)
        meant = {"http": "ws", "https": "wss"}.get(parts.scheme)
        advice = f". Did you mean {meant}{shown.removeprefix(parts.scheme)}?" if meant in schemes else ""
        raise UsageError(f"expected a URL that begins with {expected}, got {shown}{advice}")
    if not host:
        raise UsageError(f"{shown} names no host. Expected e.g. ws://127.0.0.1:8000/ws")
    if port == 0:
        raise UsageError(f"{shown} names port 0, where nothing can listen. Expected e.g. ws://127.0.0.1:8000/ws")
    if parts.fragment:
        raise UsageError(f"{shown} has a fragment (#...), which a WebSocket URL must not have (RFC 6455 3)")
    headers: tuple[tuple[str, str], ...] = ()
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = (("Authorization", "Basic " + base64.b64encode(login.encode()).decode()),)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Endpoint(
        host,
        port or _DEFAULT_PORTS[parts.scheme],
        clean_path(path),
        tls=parts.scheme in {"wss", "https"},
        headers=headers,
        query=clean_path("/?" + parts.query)[2:],
    )


def with_query(path: str, query: str) -> str:
    """Return a workload's path with its own query, or else with the user's. Never both.

    A workload with a query of its own uses it to sign in each member under a separate name. With the user's query
    appended, all members would be the same user.
    """
    return path if "?" in path or not query else f"{path}?{query}"


def clean_path(path: str) -> str:
    """Return a path that is valid in a request line: it starts with a slash, and is ASCII without blanks."""
    return quote(path if path.startswith("/") else "/" + path, safe=_PATH_SAFE)


def is_loopback(host: str) -> bool:
    """Whether `host` certainly is this machine. Names are not resolved: only localhost counts."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host.lower().rstrip(".") == "localhost" or host.lower().rstrip(".").endswith(".localhost")
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback or address.is_unspecified
