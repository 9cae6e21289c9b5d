"""Detection of secret values, by name and by shape, and the set of known secrets of this process.

A workload creates tokens during a run, one per member. So each process has one set of known values. `learn` adds to the
set, and all code that writes or prints removes these values (`net/redact.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from urllib.parse import unquote_plus

MARK = "[redacted]"
"""The replacement for a secret."""

_SECRET_NAME = re.compile(
    r"token|secret|passw|passphrase|passcode|credential|authori[sz]ation|cookie|session|signature|jwt|api[-_]?key"
    r"|private[-_]?key|(?:^|[-_.])(?:key|auth|sid|sig|pwd|pass|ticket|code)$",
    re.IGNORECASE,
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
QUERY = re.compile(r"([?&;])([^=&;?#\s\"']+)=([^&;#\s\"'<>]*)")
_IN_MESSAGE = re.compile(r"""(["']?)([A-Za-z][\w.-]*)\1\s*[=:]\s*("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;&"'}\])\0]+)""")
BEARER = re.compile(r"(?i)\b(bearer|basic)(\s+)([A-Za-z0-9._~+/=-]{4,})")
JWT = re.compile(r"\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?")

_SHORTEST = 4
_SHORTEST_WORD = 6
"""Characters. A shorter word, number or room name is too common to be hidden everywhere."""
_LONGEST_WORD = 11
"""Characters. Up to this length, a word or number is hidden only as a whole word."""

_KNOWN: dict[str, None] = {}
_VERSION = [0]
_LISTENERS: list[Callable[[list[str]], None]] = []


def is_secret_name(name: str) -> bool:
    """Whether a header, variable, field or query parameter of this name usually holds a secret."""
    return _SECRET_NAME.search(_HUMP.sub("-", name)) is not None


def secret_parameters(path: str) -> list[str]:
    """Return the values of secret query parameters in `path`, both as written and decoded."""
    values = [value for _, name, value in QUERY.findall(path) if value and is_secret_name(name)]
    return [*values, *(unquote_plus(value) for value in values)]


def secrets_in_message(message: str | bytes) -> list[str]:
    """Return the secret values in a message of ours.

    These are fields and headers with a secret name, and tokens recognised by shape.
    """
    text = message if isinstance(message, str) else message.decode(errors="ignore")
    named = [value.strip("\"'") for _, name, value in _IN_MESSAGE.findall(text) if is_secret_name(name)]
    return [*named, *secret_parameters(text), *(found[2] for found in BEARER.findall(text)), *JWT.findall(text)]


def secrets_in_header(name: str, value: str) -> list[str]:
    """Return the secret values in a request header: all of it for a secret name, and the value of each cookie."""
    whole_value = [value] if is_secret_name(name) else []
    cookies = [pair.partition("=")[2].strip() for pair in value.split(";")] if name.lower() == "cookie" else []
    return [*whole_value, *cookies, *secrets_in_message(f"{name}: {value}")]


def is_distinctive(value: str) -> bool:
    """Whether a value can be hidden everywhere. Hiding "1" or "chat" everywhere would hide half of a page.

    Other values are hidden only next to their names: in queries, headers and fields.
    """
    return len(value) >= (_SHORTEST_WORD if value.isalnum() else _SHORTEST) and value not in MARK


def stands_alone(value: str) -> bool:
    """Whether a distinctive value is so short and plain that it is hidden only as a whole word."""
    return len(value) <= _LONGEST_WORD and (value.isalpha() or value.isdigit())


def learn(values: Iterable[str]) -> None:
    """Hide these values from now on in all output of this process. Values that are not distinctive are ignored."""
    new = [value for value in dict.fromkeys(values) if value not in _KNOWN and is_distinctive(value)]
    if new:
        _KNOWN.update(dict.fromkeys(new))
        _VERSION[0] += 1
        for listener in _LISTENERS:
            listener(new)


def learned() -> tuple[str, ...]:
    """Return all values passed to `learn` that are hidden."""
    return tuple(_KNOWN)


def learned_count() -> int:
    """Return the number of learned values. It only grows, except for `forget`."""
    return len(_KNOWN)


def learned_version() -> int:
    """Return a number that differs for every set of learned values so far."""
    return _VERSION[0]


def forget() -> None:
    """Clear the learned values, for a process that does several runs, as tests do."""
    _KNOWN.clear()
    _VERSION[0] += 1


def on_learned(listener: Callable[[list[str]], None]) -> None:
    """Call `listener` with each new list of values, so that a worker process can pass them on."""
    _LISTENERS.append(listener)
