"""wsproof's options on Locust's command line, from the one table of options."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from wsproof.locust.session import session_of
from wsproof.model.secrecy import is_secret_name, learn
from wsproof.net.endpoint import Endpoint, parse_url
from wsproof.session.context import target_of
from wsproof.session.option import options_in, read_options, with_prefix
from wsproof.session.options import IN_LOCUST, IN_LOCUSTS_FORM, LocustOptions
from wsproof.workloads import parse_settings

PREFIX = "ws-"
ALSO_WITHOUT_PREFIX = ("remote", "known_deviations", "server_hint")
"""Options that have their plain name, too."""
_OF_AN_ADDRESS = ("header", "subprotocol", "origin", "token", "ca", "cert", "key", "user_file", "unix", "insecure")
"""Options that say how each connection is made, however the server was started."""


def add_options(parser: Any) -> None:
    """Add the options to Locust's command line, each with an environment variable. The target itself is `--host`."""
    table = options_in(LocustOptions)
    for name in IN_LOCUST:
        flags, keywords = table[name].arguments(name, PREFIX)
        if name in ALSO_WITHOUT_PREFIX:
            flags += table[name].arguments(name)[0]
        keywords["help"] = f"wsproof: {keywords['help']}"
        if keywords.get("type") is Path:
            keywords["type"] = str  # a master sends its options to its workers, and Locust's format has no paths
        # Locust's own options have such variables too, but its parser gives none to options of plugins.
        variable = f"LOCUST_{flags[0].removeprefix('--')}".replace("-", "_").upper()
        parser.add_argument(*flags, **keywords, env_var=variable, include_in_web_ui=name in IN_LOCUSTS_FORM)


def options_of(environment: Any, target: str | None) -> LocustOptions:
    """The options, for this target. Without a command line they have their defaults."""
    command_line = vars(environment.parsed_options) if environment.parsed_options is not None else {}
    table = options_in(LocustOptions)
    values = {
        f"ws_{name}": _parsed(table[name], command_line[f"ws_{name}"])
        for name in IN_LOCUST
        if f"ws_{name}" in command_line
    }
    names = [name for name in IN_LOCUST if f"ws_{name}" in values]
    return replace(read_options(LocustOptions, values, names, PREFIX), target=target)


def _parsed(option: Any, value: Any) -> Any:
    """A value as the option has it. Locust's form gives texts, and an empty one for an option that was left out."""
    if not isinstance(value, str) or option.parse is None:
        return value or None if isinstance(value, str) and option.default is None else value
    return option.parse(value) if value else option.initial()


def settings_of(environment: Any) -> dict[str, str]:
    """The settings of the workloads: those of `wsproof load` and of `--ws-set`."""
    return {**session_of(environment).handed.settings, **parse_settings(options_of(environment, None).settings)}


def endpoint_of(environment: Any, url: str) -> Endpoint:
    """The endpoint at the URL, with the headers and other options of `wsproof load` or of Locust's command line.

    Raises:
        UsageError: this is not a WebSocket URL.
    """
    handed, endpoint = session_of(environment).handed.endpoint, parse_url(url)
    if handed is not None:
        handed_endpoint = Endpoint.from_json(dict(handed))
        learn(value for name, value in handed_endpoint.headers if is_secret_name(name))
        if (handed_endpoint.host, handed_endpoint.port, handed_endpoint.tls) == (
            endpoint.host,
            endpoint.port,
            endpoint.tls,
        ):
            return handed_endpoint
    options = options_of(environment, None)
    connection = {name: getattr(options, name) for name in _OF_AN_ADDRESS}
    target = target_of(LocustOptions(url, remote=True, **connection), Path.cwd())
    learn(target.secrets)
    return target.endpoint(endpoint)


def as_locust_says(message: str) -> str:
    """Rewrite a message of wsproof for Locust: `--header` is `--ws-header` here, and TARGET is `--host`."""
    message = message.replace("no TARGET was given", "no --host was given")
    names = [name for name in IN_LOCUST if name not in ALSO_WITHOUT_PREFIX]
    return with_prefix(message, LocustOptions, names, PREFIX)
