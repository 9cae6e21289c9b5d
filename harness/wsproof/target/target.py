"""Target: the server under test, as the user specified it."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any, TypedDict, Unpack
from urllib.parse import urlsplit

from wsproof.deviations import Deviation, load_deviations, require_hint
from wsproof.errors import UsageError
from wsproof.model import reference_server
from wsproof.model.secrecy import MARK, is_secret_name, secret_parameters
from wsproof.net.endpoint import Endpoint, clean_path, is_loopback, parse_url, with_query
from wsproof.net.redact import (
    hide_subprotocols,
    redact,
    redact_command,
    redact_url,
    redact_value,
    secret_subprotocols,
)
from wsproof.net.users import UserTable, read_users
from wsproof.workloads import Workload, wire_path_of

_APP = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
READY_SCHEMES = ("ws", "wss", "http", "https")
_FORMS = (
    "write one of: ws://127.0.0.1:8000/ws (a running server), pkg.module:app (an ASGI app, which wsproof starts), "
    "'cmd:./server --port {port}' with --ready 'ws://127.0.0.1:{port}/ws' (any command)"
)


class TargetKind(Enum):
    """The way in which the target's server is reached or started."""

    REFERENCE = reference_server.KIND
    URL = "url"
    ASGI = "asgi"
    COMMAND = "command"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A target as the user specified it. Nothing has been started or connected yet.

    `path` is None if the user gave none: a URL without a path, or an app whose WebSocket route is not known yet
    (`at_wire_path`, `introspect.resolve_path`). Channels bring their own paths and never need it. `query` is the user's
    own query, from the URL or `--path`. `python` is the interpreter that starts an app, `cwd` the working directory.
    """

    kind: TargetKind
    spec: str
    url: str | None = field(default=None, repr=False)
    app: str | None = None
    command: tuple[str, ...] = field(default=(), repr=False)
    ready_url: str | None = field(default=None, repr=False)
    server: str = "auto"
    path: str | None = field(default=None, repr=False)
    query: str = field(default="", repr=False)
    path_from_channels: bool = False
    """Whether `path` comes from a workload and not from the user."""
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    subprotocols: tuple[str, ...] = field(default=(), repr=False)
    origin: str | None = None
    ca: str | None = None
    insecure: bool = False
    cert: str | None = None
    key: str | None = None
    unix: str | None = None
    user_file: str | None = None
    users: UserTable | None = field(default=None, repr=False)
    """The rows of `user_file`."""
    metrics: Endpoint | None = field(default=None, repr=False)
    """Prometheus endpoint of the server; None: measure its processes, if they run on this machine."""
    remote: bool = False
    own_deviations: tuple[Deviation, ...] | None = field(default=None, repr=False)
    """Known deviations from the user's file; None without such a file."""
    server_hint: str | None = None
    """Name of the server library, as the user stated it."""
    cwd: Path = field(default_factory=Path.cwd)
    python: str = sys.executable

    @property
    def is_ours(self) -> bool:
        """Whether we start the server, and so may also replace and stop it."""
        return self.kind is not TargetKind.URL

    @property
    def is_here(self) -> bool:
        """Whether the server runs on this machine, and so shares its cores with us."""
        return self.url is None or self.unix is not None or is_loopback(parse_url(self.url).host)

    @property
    def is_reference(self) -> bool:
        """Whether this is the reference server, whose channels and wire-level path are known."""
        return self.kind is TargetKind.REFERENCE or self.app == reference_server.APP

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must not be shown.

        These are the values of secret headers, variables and query parameters, and subprotocols that are tokens.
        """
        asking = self.metrics or Endpoint("", 0)
        values = [value for name, value in (*self.headers, *asking.headers, *self.env) if is_secret_name(name)]
        # The scheme ("Bearer") is not secret. The value after it is secret elsewhere, too.
        values += [value.split(" ", 1)[1] for value in values if " " in value]
        path = self.path or ""
        parameters = secret_parameters(path) + secret_parameters(asking.path)
        if not path.endswith(f"?{self.query}"):
            parameters += secret_parameters(f"?{self.query}")
        return (*values, *secret_subprotocols(self.subprotocols), *parameters)

    def but(self, **changes: Any) -> Target:
        """Return this target with some fields changed."""
        return replace(self, **changes)

    def with_env(self, extra: Mapping[str, str]) -> Target:
        """Return this target with additional environment variables for its server."""
        return replace(self, env=(*self.env, *extra.items()))

    def at_wire_path(self, workloads: Mapping[str, Workload]) -> Target:
        """Return this target at the path for the wire-level checks.

        That is the target's own path, else the path of a workload. Without either, the path stays unknown.
        """
        path = wire_path_of(workloads) if self.path is None else None
        return self if path is None else self.but(path=with_query(path, self.query), path_from_channels=True)

    def endpoint(self, base: Endpoint) -> Endpoint:
        """Return `base`, an address, with the request options and path of this target ("/" while unknown)."""
        return replace(
            base,
            path=self.path or with_query("/", self.query),
            query=self.query,
            headers=(*base.headers, *self.headers),
            subprotocols=self.subprotocols,
            origin=self.origin,
            ca=self.ca,
            insecure=self.insecure,
            cert=self.cert,
            key=self.key,
            unix=self.unix,
            users=self.users,
        )

    def _shown_spec(self) -> str:
        if self.kind is TargetKind.COMMAND:
            return "cmd:" + shlex.join(redact_command(self.command, self.secrets)).replace("'{port}'", "{port}")
        return redact(self.spec, self.secrets)

    def describe(self) -> dict[str, Any]:
        """Return the redacted description for a record."""
        return {
            "kind": self.kind.value,
            "spec": self._shown_spec(),
            "path": redact(self.path, self.secrets) if self.path else self.path,
            "path_from_channels": self.path_from_channels,
            "env": {name: redact_value(name, value, self.secrets) for name, value in self.env},
            "headers": {name: redact_value(name, value, self.secrets) for name, value in self.headers},
            "subprotocols": [redact(item, self.secrets) for item in hide_subprotocols(self.subprotocols)],
            "origin": self.origin,
            "unix": self.unix,
            "ca": self.ca,
            "insecure": self.insecure,
            "cert": self.cert,
            "key": self.key,
            "user_file": self.user_file,
            "remote": self.remote,
            "server_hint": self.server_hint,
            "ready": redact(self.ready_url, self.secrets) if self.ready_url else None,
            "metrics_url": redact(_http_url(self.metrics), self.secrets) if self.metrics else None,
        }


class TargetArguments(TypedDict, total=False):
    """The settings of a target that the user may give besides its name."""

    server: str
    path: str | None
    ready: str | None
    env: Iterable[str]
    """`NAME=VALUE`, for a server that is started here."""
    headers: Iterable[str]
    """`Name: value`, for the server's WebSockets."""
    subprotocols: Iterable[str]
    origin: str | None
    token: str | None
    """Sent as Bearer, to the server's WebSockets."""
    ca: str | None
    insecure: bool
    cert: str | None
    """A file with a certificate of our own."""
    key: str | None
    """The file with its key; None: the key is in `cert`."""
    user_file: str | None
    """A CSV file with a row for each member."""
    unix: str | None
    metrics_url: str | None
    """Requested only with the credentials in this URL and with `metrics_token`."""
    metrics_token: str | None
    remote: bool
    known_deviations: Path | None
    """A file."""
    server_hint: str | None
    """The name of a server library."""
    cwd: Path | None
    python: str | None


def parse_target(spec: str | None, **arguments: Unpack[TargetArguments]) -> Target:
    """Parse a target as the user wrote it.

    Raises:
        UsageError: the target is not valid, or its options do not fit. The message says what to type.
    """
    options, ready = _options(spec or "", arguments), arguments.get("ready")
    if ready is not None and not options.spec.startswith("cmd:"):
        raise UsageError(
            f"--ready belongs to a cmd: target, and this target is {redact(spec or 'the reference server')}"
        )
    if options.unix is not None and "://" not in options.spec:
        raise UsageError("--unix needs a URL as target, for the path and the Host header, such as ws://localhost/ws")
    if not spec:
        return _reference(options)
    if spec.startswith("cmd:"):
        return _command(options, spec.removeprefix("cmd:"), ready)
    if "://" in spec:
        return _url(options, spec)
    if _APP.fullmatch(spec):
        path = options.path or (reference_server.PATH if spec == reference_server.APP else None)
        return options.but(kind=TargetKind.ASGI, app=spec, path=path)
    raise UsageError(f"{redact(spec)!r} is not a target{_guess(spec)}; {_FORMS}")


def _options(spec: str, arguments: TargetArguments) -> Target:
    """A target whose kind is not set yet, with the user's options.

    Raises:
        UsageError: an option is not valid.
    """
    hint, own, origin = arguments.get("server_hint"), arguments.get("known_deviations"), arguments.get("origin")
    if hint is not None:
        require_hint(hint)
    path = None if (written := arguments.get("path")) is None else clean_path(written)
    user_file = arguments.get("user_file")
    if arguments.get("key") is not None and arguments.get("cert") is None:
        raise UsageError("--key needs the certificate of that key: add --cert FILE")
    options = Target(
        kind=TargetKind.REFERENCE,
        spec=spec,
        server=arguments.get("server", "auto"),
        path=path,
        query=(path or "").partition("?")[2],
        env=tuple(_variable(item) for item in arguments.get("env", ())),
        headers=_headers(arguments),
        subprotocols=tuple(_header_value("--subprotocol", item) for item in arguments.get("subprotocols", ())),
        origin=_header_value("--origin", origin) if origin is not None else None,
        ca=arguments.get("ca"),
        insecure=arguments.get("insecure", False),
        cert=arguments.get("cert"),
        key=arguments.get("key"),
        user_file=user_file,
        users=read_users(user_file) if user_file is not None else None,
        unix=arguments.get("unix"),
        remote=arguments.get("remote", False),
        own_deviations=load_deviations(own) if own is not None else None,
        server_hint=hint,
        cwd=(arguments.get("cwd") or Path.cwd()).absolute(),
        python=arguments.get("python") or sys.executable,
    )
    if options.users is not None:
        _require_use(options, options.users)
    return options.but(metrics=_metrics(options, arguments.get("metrics_url"), arguments.get("metrics_token")))


def _require_use(options: Target, users: UserTable) -> None:
    """Raise UsageError if no option of the user contains a column of the users."""
    texts = [*(value for _, value in options.headers), options.query, options.spec, options.path or ""]
    if not users.is_used_in(texts):
        columns = ", ".join(f"{{{name}}}" for name in users.columns)
        raise UsageError(
            f"{options.user_file} has {columns}, and none of them is used. Use one in --header, --token or the "
            f"query of the URL, such as --token '{{{users.columns[-1]}}}'"
        )


def _headers(arguments: TargetArguments) -> tuple[tuple[str, str], ...]:
    """The headers for the server's WebSockets, with the token."""
    headers, token = tuple(_header(line) for line in arguments.get("headers", ())), arguments.get("token")
    return headers if token is None else (*headers, ("Authorization", f"Bearer {_header_value('--token', token)}"))


def _reference(options: Target) -> Target:
    root = reference_server.find_checkout(options.cwd)
    if root is None:
        raise UsageError(
            f"no TARGET was given, and the default, the reference server, is not in {options.cwd.name}/ "
            f"(no {reference_server.PACKAGE}/main.py there or above, up to the repository's root); {_FORMS}"
        )
    path, app = options.path or reference_server.PATH, reference_server.APP
    return options.but(kind=TargetKind.REFERENCE, spec=app, app=app, cwd=root, path=path)


def _url(options: Target, spec: str) -> Target:
    if options.server != "auto":
        raise UsageError(
            "--server chooses the server that runs an app, but a URL is a running server. Leave --server out"
        )
    if options.env:
        raise UsageError("--env is for a server that wsproof starts, but a URL is a running server. Leave --env out")
    endpoint = parse_url(spec)
    _require_loopback(endpoint.host, options)
    own_path = endpoint.path if urlsplit(spec).path else None
    query = options.query if options.path is not None else endpoint.query
    path = options.path or own_path
    # From here on, the user name and password of the URL are a header, and no longer part of the address.
    address = replace(endpoint, headers=())
    url = f"{'wss' if endpoint.tls else 'ws'}://{address.host_header}{path or with_query('/', query)}"
    headers = (*endpoint.headers, *options.headers)
    return options.but(kind=TargetKind.URL, spec=redact_url(spec), url=url, path=path, query=query, headers=headers)


def _command(options: Target, line: str, ready: str | None) -> Target:
    try:
        command = tuple(shlex.split(line))
    except ValueError as error:
        raise UsageError(f"cannot split the command {redact(line)!r}: {error}. Check its quotes") from error
    if not command:
        raise UsageError("cmd: is empty; write e.g. 'cmd:./server --port {port}'")
    if ready is None:
        raise UsageError(
            "a cmd: target needs --ready URL, at which the server will listen, "
            "e.g. --ready 'ws://127.0.0.1:{port}/ws' (or http://127.0.0.1:{port}/health)"
        )
    endpoint = parse_url(ready.replace("{port}", "1"), schemes=READY_SCHEMES)
    _require_loopback(endpoint.host, options)
    if "{port}" in line and "{port}" not in ready:
        raise UsageError(f"the command contains {{port}}, so --ready must contain it too; got {redact_url(ready)}")
    named = ready.partition("://")[0] in {"ws", "wss"}
    path = options.path or (endpoint.path if named else "/")
    query = path.partition("?")[2]
    target = options.but(kind=TargetKind.COMMAND, command=command, ready_url=ready, path=path, query=query)
    return target.but(spec=target.describe()["spec"])  # a command line may contain secrets, and specs are printed


def _require_loopback(host: str, options: Target) -> None:
    if not options.remote and not is_loopback(host):
        raise UsageError(
            f"{host} is not this machine, and wsproof sends hostile and heavy traffic. "
            "If you may test that server, add --remote"
        )


def _metrics(options: Target, url: str | None, token: str | None) -> Endpoint | None:
    if url is None:
        if token is not None:
            raise UsageError("--metrics-token needs --metrics-url: add it, or use --token for the server itself")
        return None
    try:
        endpoint = parse_url(url, schemes=("http", "https"))
    except UsageError as error:
        raise UsageError(f"--metrics-url: {error}") from error
    if not options.remote and not is_loopback(endpoint.host):
        raise UsageError(f"--metrics-url: {endpoint.host} is not this machine. If you may query it, add --remote")
    if token is not None:
        if endpoint.headers:
            raise UsageError(
                "--metrics-url has a user name and a password, which is sent already: leave out --metrics-token"
            )
        bearer = ("Authorization", f"Bearer {_header_value('--metrics-token', token)}")
        endpoint = replace(endpoint, headers=(bearer,))
    endpoint = replace(endpoint, ca=options.ca, insecure=options.insecure, cert=options.cert, key=options.key)
    endpoint.ssl_context()  # report an unreadable certificate file now
    return endpoint


def _http_url(endpoint: Endpoint) -> str:
    return "http" + endpoint.url.removeprefix("ws")


def _variable(item: str) -> tuple[str, str]:
    name, sign, value = item.partition("=")
    if not sign or not name or "\0" in item:
        raise UsageError(f"expected --env NAME=VALUE, got {name if not sign else MARK!r}")
    return name, value


def _header(line: str) -> tuple[str, str]:
    name, sign, value = line.partition(":")
    name = name.strip()
    if not sign or not re.fullmatch(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", name):
        raise UsageError(f"expected --header 'Name: value', got {name!r}" + ("" if sign else " without a colon"))
    return name, _header_value(f"--header {name}", value.strip())


def _header_value(option: str, value: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise UsageError(f"the value of {option} must be printable ASCII, since a header line can contain nothing else")
    return value


def _guess(spec: str) -> str:
    module, sign, _ = spec.partition(":")
    if spec.endswith(".py") or module.endswith(".py"):
        return f" (did you mean {module.removesuffix('.py').replace(os.sep, '.')}:app?)"
    if not sign and re.fullmatch(r"[\w.]+", spec):
        return f" (did you mean {spec}:app?)"
    if re.fullmatch(r"[\w.-]+:\d+(/.*)?", spec):
        return f" (did you mean ws://{spec}?)"
    return ""
