"""Which values are secret: the names that they go by, the shapes they have, and those of a run, which are hidden.

A workload makes tokens of its own, one per member, while a run goes on. So there is one set of known values per
process: `learn` adds to it, and whatever writes or prints takes its values out (`net/redact.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from urllib.parse import unquote_plus

MARK = "[redacted]"
"""What stands in the place of a secret."""

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
"""A word, a number or a room's name below this length is too common to be taken out wherever it stands."""
_LONGEST_WORD = 11
"""Up to this length a word or a number is taken out where it stands alone, and not inside another word."""

_KNOWN: dict[str, None] = {}
_LISTENERS: list[Callable[[list[str]], None]] = []


def is_secret_name(name: str) -> bool:
    """Whether a header, variable, field or query parameter of this name usually holds a secret."""
    return _SECRET_NAME.search(_HUMP.sub("-", name)) is not None


def secret_parameters(path: str) -> list[str]:
    """The values of the query parameters of `path` that hold secrets, as written and decoded."""
    values = [value for _, name, value in QUERY.findall(path) if value and is_secret_name(name)]
    return [*values, *(unquote_plus(value) for value in values)]


def secrets_in_message(message: str | bytes) -> list[str]:
    """The values in a message of ours that hold secrets: of fields and headers by their names, and tokens by shape."""
    text = message if isinstance(message, str) else message.decode(errors="ignore")
    named = [value.strip("\"'") for _, name, value in _IN_MESSAGE.findall(text) if is_secret_name(name)]
    return [*named, *secret_parameters(text), *(found[2] for found in BEARER.findall(text)), *JWT.findall(text)]


def is_distinctive(value: str) -> bool:
    """Whether a value can be taken out wherever it stands. "1" or "chat" would take half of a page with it.

    Those are hidden only beside their names: in queries, headers and fields.
    """
    return len(value) >= (_SHORTEST_WORD if value.isalnum() else _SHORTEST) and value not in MARK


def stands_alone(value: str) -> bool:
    """Whether a distinctive value is so short and plain that it is taken out only as a whole word."""
    return len(value) <= _LONGEST_WORD and (value.isalpha() or value.isdigit())


def learn(values: Iterable[str]) -> None:
    """From now on these values are hidden in all that leaves this process; what is not distinctive is left out."""
    new = [value for value in dict.fromkeys(values) if value not in _KNOWN and is_distinctive(value)]
    if new:
        _KNOWN.update(dict.fromkeys(new))
        for tell in _LISTENERS:
            tell(new)


def learned() -> tuple[str, ...]:
    """All values that `learn` was told."""
    return tuple(_KNOWN)


def learned_count() -> int:
    """How many they are: values are added, and never taken away."""
    return len(_KNOWN)


def forget() -> None:
    """Begin anew: a process that does several runs, as tests do."""
    _KNOWN.clear()


def on_news(tell: Callable[[list[str]], None]) -> None:
    """Call `tell` with each new value: a process that does work for another one hands them on."""
    _LISTENERS.append(tell)
