"""Redaction of secrets in all output: records, replays, pages, and the output of servers.

There are two mechanisms. The first hides exact values: those given as `secrets`, and those that workloads have shown
(`model/secrecy.py`). The second hides text that has the shape of a secret. A short or common value is hidden only next
to its name.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from wsproof.model.finding import Finding
from wsproof.model.secrecy import (
    BEARER,
    JWT,
    MARK,
    QUERY,
    is_distinctive,
    is_secret_name,
    learned,
    learned_version,
    stands_alone,
)

_AUTHORITY = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/?#]*@")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>\\]+", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"""(["']?)([A-Za-z][\w.-]*)\1(\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&"'}\])]+)""")
_HEADER = re.compile(
    r"(?im)(\b(?:proxy-)?authorization|\b(?:set-)?cookie|\bsec-websocket-protocol)(['\"]?\s*[:,]\s*b?['\"]?)([^\r\n'\"]+)"
)
_FEW = 40
"""Up to this many secrets are searched for one by one; more are looked up by their first characters."""
_CUT = re.compile(r"""\\?["']?(?:\.\.\.|…)|$""")
"""Matches the place where a text was shortened: an ellipsis, or the end of the text."""
_PLAIN_REST = 12
"""Minimum length, in characters, of a cut secret at the end of a text without dots.

A shorter piece may be a word that a token happens to start with.
"""
_HEAD = 4
"""Characters. No distinctive secret is shorter."""


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` without the `secrets` (also percent-encoded) and without anything that looks like a secret."""
    text = _URL.sub(lambda found: redact_url(found[0]), hide(text, secrets))
    return _ASSIGNMENT.sub(_assignment, text)


def hide(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text`, meant as evidence, without the `secrets` and without tokens recognised by their shape.

    Secrets in queries and headers are hidden too. All other text stays unchanged. Do not use it for JSON that is
    already serialised: see `hide_known`.
    """
    text = _HEADER.sub(_header, hide_known(text, secrets))
    text = QUERY.sub(_query_parameter, text)
    text = BEARER.sub(rf"\1\2{MARK}", text)
    return JWT.sub(MARK, text)


def hide_known(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` without the `secrets` and all learned values, also as URLs and JSON spell them."""
    return _matcher(tuple(secrets), learned_version()).hide(text)


def hide_in(finding: Finding, secrets: Iterable[str] = ()) -> Finding:
    """Return the finding without the `secrets`: a server may repeat a secret in a message or a header.

    The recipe loses known secret values only, because it must still reproduce the finding.
    """
    known = tuple(secrets)
    data = finding.to_json()
    kept = {name: data[name] for name in ("check", "anomaly", "level", "harm")}
    kept["recipe"] = hide_known_everywhere(data["recipe"], known)
    return Finding.from_json(hide_everywhere(data, known) | kept)


def hide_everywhere(value: Any, secrets: tuple[str, ...] = ()) -> Any:
    """Apply `hide` to all texts of a JSON value."""
    return _everywhere(value, lambda text: hide(text, secrets))


def hide_known_everywhere(value: Any, secrets: tuple[str, ...] = ()) -> Any:
    """Apply `hide_known` to all texts of a JSON value."""
    return _everywhere(value, lambda text: hide_known(text, secrets))


def _everywhere(value: Any, hidden: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return hidden(value)
    if isinstance(value, Mapping):
        return {name: _everywhere(item, hidden) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_everywhere(item, hidden) for item in value]
    return value


class _Matcher:
    """Removes many values from texts. A run has a token for each of its thousands of members."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._spellings = _spellings(secrets)
        self._sorted = sorted(self._spellings)
        self._backwards = sorted(secret[::-1] for secret in self._spellings)
        self._longest = max(map(len, self._spellings), default=0)
        self._alone = {secret for secret in self._spellings if stands_alone(secret)}
        self._heads: dict[str, tuple[list[int], set[str]]] = {}
        for secret in self._spellings:
            lengths, whole = self._heads.setdefault(secret[:_HEAD], ([], set()))
            whole.add(secret)
            if len(secret) not in lengths:
                lengths.append(len(secret))
                lengths.sort(reverse=True)

    def hide(self, text: str) -> str:
        """Return the text without any of the values, whole or cut short."""
        if not self._spellings:
            return text
        return self._hide_cut(self._hide_whole(text))

    def _hide_cut(self, text: str) -> str:
        """Hide the rest of a secret next to an ellipsis or at the end. Evidence is shortened there."""
        parts, done = [], 0
        for cut in _CUT.finditer(text):
            start = self._start_of_rest(text, done, cut.start(), _HEAD if cut[0] else _PLAIN_REST)
            if start is not None:
                parts += [text[done:start], MARK]
                done = cut.start()
            end = self._end_of_rest(text, cut.end())
            if end is not None:
                parts += [text[done : cut.end()], MARK]
                done = end
        return "".join([*parts, text[done:]])

    def _start_of_rest(self, text: str, first: int, end: int, least: int) -> int | None:
        """Return the start of a secret whose beginning is left just before `end`; None without one."""
        for start in range(max(first, end - self._longest), end - least + 1):
            rest = text[start:end]
            at = bisect_left(self._sorted, rest)
            if at < len(self._sorted) and self._sorted[at].startswith(rest):
                return start
        return None

    def _end_of_rest(self, text: str, start: int) -> int | None:
        """Return the end of a secret whose ending is left just after `start`; None without one."""
        for end in range(start + _HEAD, min(len(text), start + self._longest) + 1):
            rest = text[start:end][::-1]
            at = bisect_left(self._backwards, rest)
            if at < len(self._backwards) and self._backwards[at].startswith(rest):
                return end
        return None

    def _hide_whole(self, text: str) -> str:
        if len(self._spellings) <= _FEW and not any(secret in text for secret in self._spellings):
            return text
        parts, done, at = [], 0, 0
        while at <= len(text) - _HEAD:
            length = self._length_at(text, at)
            if length:
                parts += [text[done:at], MARK]
                done = at = at + length
            else:
                at += 1
        return "".join([*parts, text[done:]])

    def _length_at(self, text: str, at: int) -> int:
        """Return the length of the secret that starts here; 0 without one."""
        entry = self._heads.get(text[at : at + _HEAD])
        if entry is None:
            return 0
        lengths, whole = entry
        for length in lengths:
            secret = text[at : at + length]
            if secret in whole and not (secret in self._alone and _is_inside_word(text, at, at + length)):
                return length
        return 0


def _is_inside_word(text: str, start: int, end: int) -> bool:
    return text[start - 1 : start].isalnum() or text[end : end + 1].isalnum()


@lru_cache(maxsize=16)
def _matcher(secrets: tuple[str, ...], learned_version: int) -> _Matcher:
    return _Matcher((*secrets, *learned()))


def redact_url(url: str) -> str:
    """Return `url` without its user information and without the values of secret query parameters."""
    match = _AUTHORITY.match(url)
    if match is not None:
        url = f"{match[1]}{MARK}@{url[match.end() :]}"
    return QUERY.sub(_query_parameter, url)


def redact_command(parts: Iterable[str], secrets: Iterable[str] = ()) -> list[str]:
    """Return a command line for display. The value after an option such as `--token` is hidden too."""
    known = tuple(secrets)
    shown: list[str] = []
    follows = False
    for part in parts:
        shown.append(MARK if follows and not part.startswith("-") else redact(part, known))
        follows = part.startswith("-") and "=" not in part and is_secret_name(part)
    return shown


def redact_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """Return `--set` parameters for a record: of `room.token` only the name is shown."""
    return {name: redact_value(name, value) for name, value in settings.items()}


def redact_value(name: str, value: str, secrets: Iterable[str] = ()) -> str:
    """Return the value of the header, variable or parameter `name` for display."""
    return MARK if value and is_secret_name(name) else redact(value, secrets)


def _spellings(secrets: Iterable[str]) -> list[str]:
    distinctive = [secret for secret in secrets if is_distinctive(secret)]
    quoted = (quote(secret, safe="") for secret in distinctive)
    in_json = (json.dumps(secret)[1:-1] for secret in distinctive)
    spelled = {*distinctive, *quoted, *in_json}
    return sorted(spelled, key=lambda secret: (-len(secret), secret))


def _query_parameter(match: re.Match[str]) -> str:
    mark, name, value = match.groups()
    return f"{mark}{name}={MARK if value and is_secret_name(name) else value}"


def _assignment(match: re.Match[str]) -> str:
    quoting, name, sign, value = match.groups()
    is_variable = name.upper() == name and sign.strip() == "="
    is_code = value.isdecimal() and len(value) <= _HEAD  # a close code or an exit code: `code=1006`
    is_call = re.match(r"[A-Za-z_][\w.]*[\[(]", value) is not None  # source code: KEY = os.environ["KEY"]
    if is_code or is_call or not is_secret_name(name) or not (is_variable or quoting or sign == "="):
        return match[0]
    return f"{quoting}{name}{quoting}{sign}{MARK}"


def _header(match: re.Match[str]) -> str:
    name, sign, value = match.groups()
    if name.lower() != "sec-websocket-protocol":
        return f"{name}{sign}{MARK}"
    return f"{name}{sign}{', '.join(hide_subprotocols(value.split(',')))}"


def secret_subprotocols(subprotocols: Iterable[str]) -> list[str]:
    """Return the subprotocols that are really tokens.

    Browsers cannot set headers, so web pages pass tokens as subprotocols.
    """
    items: list[str] = []
    previous = ""
    for item in (part.strip() for part in subprotocols):
        announced = previous.lower() in {"bearer", "token", "access_token", "authorization", "jwt"}
        if announced or "bearer." in item.lower() or JWT.search(item):
            items.append(item)
        previous = item
    return items


def hide_subprotocols(subprotocols: Iterable[str]) -> list[str]:
    """Return the subprotocols, with tokens replaced."""
    items = [part.strip() for part in subprotocols]
    hidden = set(secret_subprotocols(items))
    return [MARK if item in hidden else item for item in items]
