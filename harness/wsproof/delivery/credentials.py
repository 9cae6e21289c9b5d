"""The credentials of a member: their removal or replacement, and their appearance in the output of the server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any
from urllib.parse import quote, unquote_plus

from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import OTHER_ROOM
from wsproof.model.secrecy import BEARER, JWT, QUERY, secrets_in_message
from wsproof.net.endpoint import Endpoint
from wsproof.target.member_endpoint import member_endpoint
from wsproof.target.output_tail import OutputWatch
from wsproof.workloads import Workload

STRANGER = "https://stranger.example"
"""An origin that no server allows by name (RFC 2606 reserves it)."""
SHORTEST = 4
"""Characters of the shortest value that counts as a credential."""
MOST_LINES = 3
"""Maximum number of lines of the output that the finding shows."""
SECRET_IN_OUTPUT = "secret-in-output"
"""The check for credentials in the output of the server."""
_NAME = re.compile(r"token|secret|passw|passphrase|credential|authori[sz]ation|jwt|api[-_]?key|access[-_]?key", re.I)
_FIELD = re.compile(r"""(["']?)([A-Za-z][\w.-]*)\1\s*[=:]\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;&"'}\])\0]+))""")
_NO_ALGORITHM = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
"""The header of an unsigned JSON Web Token, `{"alg":"none","typ":"JWT"}` (RFC 7519 6), in base64url."""
_LOWER, _UPPER, _DIGITS = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
_ROTATED = str.maketrans(
    _LOWER + _UPPER + _DIGITS, "".join(letters[7:] + letters[:7] for letters in (_LOWER, _UPPER, _DIGITS))
)


class Access(StrEnum):
    """The way in which a member without the right credentials tries to join. The value is a phrase for reports."""

    NONE = "without its credentials"
    WRONG = "with wrong credentials"
    UNSIGNED = "with a token that says that it is not signed"
    STRANGER = "from the origin of a stranger"
    EXPIRED = "with credentials that have expired"
    """The workload lets them expire (`Workload.expire`)."""
    OTHER_ROOM = OTHER_ROOM


def credentials_of(workload: Workload, member: int, own: Endpoint) -> tuple[str, ...]:
    """The values that show who a member is: tokens and passwords in its path, headers and greeting, and its cookies.

    `own` is the endpoint of this member. A value counts if its name says that it is a credential, if it has the shape
    of a token, or if the workload declares it. The member's name does not count.
    """
    values = [*workload.secrets(member), *_in_query(own.path), *_in_headers(own.headers)]
    greeting = workload.greeting(member)
    if greeting is not None:
        values += _in_message(greeting)
    name = workload.name_of(member)
    return tuple(dict.fromkeys(value for value in values if len(value) >= SHORTEST and value != name))


def has_credentials(workload: Workload, endpoint: Endpoint | None) -> bool:
    """Whether the members of a workload show credentials."""
    if endpoint is None or workload.has_prepare:
        return endpoint is not None  # a member that is prepared has logged in
    return bool(credentials_of(workload, 0, member_endpoint(endpoint, workload, 0)))


def origin_matters(workload: Workload, own: Endpoint) -> bool:
    """Whether the server has a reason to refuse other origins: the contract names origins, or members have cookies."""
    return bool(workload.contract.origins) or any(name.lower() == "cookie" for name, _ in own.headers)


def can_try(access: Access, values: Iterable[str], name: str) -> bool:
    """Whether a member with these credentials can try this. A token that contains the name is no secret."""
    secret = [value for value in values if name not in value]
    if access is Access.UNSIGNED:
        return any(JWT.fullmatch(value) for value in secret)
    return bool(secret) if access is Access.WRONG else True


def altered_endpoint(
    endpoint: Endpoint, values: Sequence[str], access: Access, others: Mapping[str, str] | None = None
) -> Endpoint:
    """The endpoint of a member, with its credentials removed or replaced.

    `others` are the credentials of a member of another room, by the value that each replaces.
    """
    if access is Access.STRANGER:
        return replace(endpoint, origin=STRANGER)
    if access is Access.EXPIRED:
        return endpoint
    if access is Access.OTHER_ROOM:
        headers = tuple((name, _exchanged(value, others or {})) for name, value in endpoint.headers)
        return replace(endpoint, path=_exchanged(endpoint.path, others or {}), headers=headers)
    if access is Access.NONE:
        headers = tuple(
            (name, remaining)
            for name, value in endpoint.headers
            if (remaining := _without_cookies(value, values) if name.lower() == "cookie" else _unless(value, values))
        )
        return replace(endpoint, path=_path_without(endpoint.path, values), headers=headers)
    headers = tuple((name, _replaced(value, values, access)) for name, value in endpoint.headers)
    return replace(endpoint, path=_replaced(endpoint.path, values, access), headers=headers)


def altered_message(
    message: str | bytes, values: Sequence[str], access: Access, others: Mapping[str, str] | None = None
) -> str | bytes:
    """A message of a member, with its credentials removed or replaced. `others` as in `altered_endpoint`."""
    if access in (Access.STRANGER, Access.EXPIRED) or isinstance(message, bytes):
        return message
    if access is Access.OTHER_ROOM:
        return _exchanged(message, others or {})
    secrets = [*values, *_in_message(message)]
    if access is not Access.NONE:
        return _replaced(message, secrets, access)
    try:
        return json.dumps(_pruned(json.loads(message), secrets))
    except (ValueError, RecursionError):
        for value in secrets:
            message = message.replace(value, "")
        return message


def _in_query(path: str) -> list[str]:
    return [unquote_plus(value) for _, name, value in QUERY.findall(path) if value and _NAME.search(name)]


def _in_headers(headers: Iterable[tuple[str, str]]) -> list[str]:
    values = []
    for name, value in headers:
        if name.lower() == "cookie":
            values += [pair.partition("=")[2].strip() for pair in value.split(";")]
        elif _NAME.search(name):
            values += [match[2] for match in BEARER.findall(value)] or [value]
    return values


def _in_message(message: str | bytes) -> list[str]:
    """The values of fields whose names suggest a credential, and tokens known by their shape."""
    text = message if isinstance(message, str) else message.decode(errors="ignore")
    named = [quoted or plain for _, name, quoted, plain in _FIELD.findall(text) if _NAME.search(name)]
    shaped = [value for value in secrets_in_message(text) if JWT.fullmatch(value)]
    return [value for value in (*named, *shaped) if len(value) >= SHORTEST]


def _unless(value: str, values: Iterable[str]) -> str:
    """The header's value; empty if a credential is in it."""
    return "" if any(secret in value for secret in values) else value


def _without_cookies(value: str, values: Sequence[str]) -> str:
    pairs = [pair.strip() for pair in value.split(";")]
    return "; ".join(pair for pair in pairs if pair.partition("=")[2].strip() not in values)


def _path_without(path: str, values: Sequence[str]) -> str:
    """The path without the parameters that hold a credential."""
    place, mark, query = path.partition("?")
    for value in values:
        place = place.replace(quote(value, safe=""), "").replace(value, "")
    pairs = [pair for pair in query.split("&") if unquote_plus(pair.partition("=")[2]) not in values]
    return f"{place}{mark if pairs and pairs != [''] else ''}{'&'.join(pairs)}"


def _replaced(text: str, values: Iterable[str], access: Access) -> str:
    """The text with another value in place of each credential, also where it is percent-encoded."""
    for value in sorted(set(values), key=len, reverse=True):
        wrong = _wrong(value, access)
        text = text.replace(quote(value, safe=""), quote(wrong, safe="")).replace(value, wrong)
    return text


def _exchanged(text: str, others: Mapping[str, str]) -> str:
    """The text with the credentials of another member, also where they are percent-encoded."""
    for value in sorted(others, key=len, reverse=True):
        text = text.replace(quote(value, safe=""), quote(others[value], safe="")).replace(value, others[value])
    return text


def exchanged_credentials(own: Sequence[str], other: Sequence[str]) -> dict[str, str]:
    """The credentials of another member, by the value of the member's own that each replaces.

    Empty if nothing would change, or if the two members have different numbers of credentials.
    """
    return (
        {own_value: other_value for own_value, other_value in zip(own, other, strict=True) if own_value != other_value}
        if len(own) == len(other)
        else {}
    )


def _wrong(value: str, access: Access) -> str:
    """A value of the same shape that no server has issued."""
    if JWT.fullmatch(value):
        _, claims, signature = (*value.split("."), "", "")[:3]
        if access is Access.UNSIGNED:
            return f"{_NO_ALGORITHM}.{claims}."
        return value.removesuffix(signature) + signature.translate(_ROTATED)
    return value.translate(_ROTATED)


def _pruned(value: Any, values: Sequence[str]) -> Any:
    """JSON without the fields and items that are a credential."""
    if isinstance(value, dict):
        return {key: _pruned(item, values) for key, item in value.items() if item not in values}
    if isinstance(value, list):
        return [_pruned(item, values) for item in value if item not in values]
    return value


def secrets_in_output(watch: OutputWatch, credentials: Iterable[str], channel: str) -> list[Finding]:
    """A finding if the server has written a credential since `watch` began. Its lines are redacted."""
    lines = watch.lines_with(credentials)
    if not lines:
        return []
    explanation = (
        "The server writes credentials of its members to its output, so everybody who can read its logs gets them: "
        f"{len(lines)} line(s) contain one, which is redacted here. Log the path without its query, or send the "
        "token in a header or in the first message."
    )
    witness = tuple(f"the server wrote: {line}" for line in lines[:MOST_LINES])
    return [
        Finding(
            SECRET_IN_OUTPUT,
            channel,
            Anomaly.SECRET_LOGGED,
            Level.VIOLATION,
            explanation,
            witness,
            occurrences=len(lines),
        ),
    ]
