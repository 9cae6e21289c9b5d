"""wsproof's options on Locust's command line: those of a target, from the one table of options."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from wsproof.model.secrecy import learn
from wsproof.net.endpoint import Endpoint, parse_url
from wsproof.session.context import target_of
from wsproof.session.option import options_in, read_options, with_prefix
from wsproof.session.options import IN_LOCUST, TargetOptions

PREFIX = "ws-"
ALSO_WITHOUT_PREFIX = ("remote", "known_deviations", "server_hint")
"""Options that have their plain name, too."""
_OF_AN_ADDRESS = ("header", "subprotocol", "origin", "token", "ca", "unix", "insecure")
"""Options that say how each connection is made, however the server was started."""


def add_options(parser: Any) -> None:
    """Add the options of a target to Locust's command line, apart from the target itself, which is `--host`."""
    table = options_in(TargetOptions)
    for name in IN_LOCUST:
        flags, keywords = table[name].arguments(name, PREFIX)
        if name in ALSO_WITHOUT_PREFIX:
            flags += table[name].arguments(name)[0]
        keywords["help"] = f"wsproof: {keywords['help']}"
        parser.add_argument(*flags, **keywords, include_in_web_ui=False)


def options_of(environment: Any, host: str | None) -> TargetOptions:
    """The options of the target that the host names. Without a command line they have their defaults."""
    given = vars(environment.parsed_options) if environment.parsed_options is not None else {}
    known = [name for name in IN_LOCUST if f"ws_{name}" in given]
    return replace(read_options(TargetOptions, given, known, PREFIX), target=host)


def endpoint_of(environment: Any) -> Endpoint:
    """The endpoint at the host's URL, with the headers and the other options of a connection.

    Raises:
        UsageError: the URL is not a WebSocket URL.
    """
    given = options_of(environment, None)
    connection = {name: getattr(given, name) for name in _OF_AN_ADDRESS}
    target = target_of(TargetOptions(environment.host, remote=True, **connection), Path.cwd())
    learn(target.secrets)
    return target.endpoint(parse_url(environment.host))


def as_locust_says(message: str) -> str:
    """Rewrite a message of wsproof for Locust: `--header` is `--ws-header` here, and TARGET is `--host`."""
    message = message.replace("no TARGET was given", "no --host was given")
    names = [name for name in IN_LOCUST if name not in ALSO_WITHOUT_PREFIX]
    return with_prefix(message, TargetOptions, names, PREFIX)
