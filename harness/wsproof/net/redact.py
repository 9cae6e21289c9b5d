"""Keep secrets out of everything that leaves: records, replays, pages, and the output of servers.

Two nets: the exact values that we were given (`secrets`), and the shapes in which servers print what they should not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote_plus, urlsplit, urlunsplit

from wsproof.model.finding import Finding

MARK = "[redacted]"

_SECRET_WORD = re.compile(
    r"token|secret|passw|passphrase|credential|authori[sz]ation|cookie|session|signature|jwt|api[-_]?key|private[-_]?key"
    r"|(?:^|[-_.])(?:key|auth|sid|sig|pwd|ticket|code)$",
    re.IGNORECASE,
)
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>\\]+", re.IGNORECASE)
_QUERY = re.compile(r"([?&;])([^=&;?#\s\"']+)=([^&;#\s\"'<>]*)")
_ASSIGNMENT = re.compile(r"""(["']?)([A-Za-z][\w.-]*)\1(\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&"'}\])]+)""")
_HEADER = re.compile(
    r"(?im)(\b(?:proxy-)?authorization|\b(?:set-)?cookie|\bsec-websocket-protocol)(['\"]?\s*[:,]\s*b?['\"]?)([^\r\n'\"]+)"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)(\s+)[A-Za-z0-9._~+/=-]{4,}")
_JWT = re.compile(r"\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?")
_SHORT = 4
"""Below this length a secret is replaced only where it stands as a word: else the token `a` would eat the text."""


def is_secret_name(name: str) -> bool:
    """Whether a header, variable or query parameter of this name usually holds a secret."""
    return _SECRET_WORD.search(name) is not None


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` without the `secrets` (also percent-encoded) and without what looks like one."""
    text = hide(text, secrets)
    text = _HEADER.sub(_header, text)
    text = _URL.sub(lambda found: redact_url(found[0]), text)
    text = _QUERY.sub(_query_parameter, text)
    text = _ASSIGNMENT.sub(_assignment, text)
    text = _BEARER.sub(rf"\1\2{MARK}", text)
    return _JWT.sub(MARK, text)


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without the `secrets` (also as URLs and JSON spell them), and otherwise as it is: for evidence."""
    for secret in _spellings(secrets):
        if len(secret) < _SHORT:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", lambda _: MARK, text)
        else:
            text = text.replace(secret, MARK)
    return text


def hide_in(finding: Finding, secrets: Iterable[str]) -> Finding:
    """The finding without the `secrets`: a server may say in a message, or in a header, what it was told in secret."""
    known = tuple(secrets)
    if not known:
        return finding
    data: dict[str, Any] = hide_everywhere(finding.to_json(), known)
    return Finding.from_json(data | {name: finding.to_json()[name] for name in ("check", "anomaly", "level", "harm")})


def hide_everywhere(value: Any, secrets: tuple[str, ...]) -> Any:
    """What JSON holds, with all its texts as `hide` leaves them."""
    if isinstance(value, str):
        return hide(value, secrets)
    if isinstance(value, Mapping):
        return {name: hide_everywhere(item, secrets) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [hide_everywhere(item, secrets) for item in value]
    return value


def redact_url(url: str) -> str:
    """Return `url` without its user information and without the values of query parameters that hold secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return MARK
    netloc = parts.netloc
    if "@" in netloc:
        netloc = f"{MARK}@{netloc.rpartition('@')[2]}"
    query = _QUERY.sub(_query_parameter, "?" + parts.query)[1:]
    return urlunsplit((parts.scheme, netloc, parts.path, query, parts.fragment))


def redact_command(parts: Iterable[str], secrets: Iterable[str] = ()) -> list[str]:
    """Return a command line as it may be shown: also without what follows an option such as `--token`."""
    known = tuple(secrets)
    shown: list[str] = []
    follows = False
    for part in parts:
        shown.append(MARK if follows and not part.startswith("-") else redact(part, known))
        follows = part.startswith("-") and "=" not in part and is_secret_name(part)
    return shown


def secret_parameters(path: str) -> list[str]:
    """The values of the query parameters of `path` that hold secrets, as written and decoded."""
    values = [value for _, name, value in _QUERY.findall(path) if value and is_secret_name(name)]
    return [*values, *(unquote_plus(value) for value in values)]


def redact_value(name: str, value: str, secrets: Iterable[str] = ()) -> str:
    """Return the value of a header, variable or parameter called `name`, as it may be shown."""
    return MARK if value and is_secret_name(name) else redact(value, secrets)


def _spellings(secrets: Iterable[str]) -> list[str]:
    given = [secret for secret in secrets if secret and secret != MARK]
    spelled = {*given, *(quote(secret, safe="") for secret in given), *(json.dumps(secret)[1:-1] for secret in given)}
    return sorted(spelled, key=lambda secret: (-len(secret), secret))


def _query_parameter(found: re.Match[str]) -> str:
    mark, name, value = found.groups()
    return f"{mark}{name}={MARK if value and is_secret_name(name) else value}"


def _assignment(found: re.Match[str]) -> str:
    quoting, name, sign, _ = found.groups()
    shouted = name.upper() == name and sign.strip() == "="
    if not is_secret_name(name) or not (shouted or quoting or sign == "="):
        return found[0]
    return f"{quoting}{name}{quoting}{sign}{MARK}"


def _header(found: re.Match[str]) -> str:
    name, sign, value = found.groups()
    if name.lower() != "sec-websocket-protocol":
        return f"{name}{sign}{MARK}"
    return f"{name}{sign}{', '.join(hide_subprotocols(value.split(',')))}"


def secret_subprotocols(subprotocols: Iterable[str]) -> list[str]:
    """Pick those subprotocols that are really tokens: browsers cannot set headers, so pages smuggle them there."""
    found: list[str] = []
    previous = ""
    for item in (part.strip() for part in subprotocols):
        announced = previous.lower() in {"bearer", "token", "access_token", "authorization", "jwt"}
        if announced or "bearer." in item.lower() or _JWT.search(item):
            found.append(item)
        previous = item
    return found


def hide_subprotocols(subprotocols: Iterable[str]) -> list[str]:
    """Return the subprotocols with those that are tokens replaced."""
    items = [part.strip() for part in subprotocols]
    hidden = set(secret_subprotocols(items))
    return [MARK if item in hidden else item for item in items]
