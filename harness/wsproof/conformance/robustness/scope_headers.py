"""The test of the ASGI scope: request headers reach the application under their own names.

Only the application sees them, so a second process of the target's server library runs an app of ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from wsproof.conformance.robustness.context import RobustnessContext
from wsproof.conformance.robustness.definition import RobustnessOutcome, RobustnessTest
from wsproof.errors import TargetError
from wsproof.net.client import Client
from wsproof.wire import TextMessage

__all__ = ["SENT", "TESTS", "Headers", "altered"]

Headers = Sequence[tuple[str, str]]

_PREFIX = "x-wsproof"
_NO_ECHO = "not checked: it needs an ASGI server that is started here, to run an app of ours"
_EXPECTED = "each request header to reach the application under its own name, with its values in order"
_PLAIN: Headers = (
    ("X-Wsproof-One", "one"),
    ("X-Wsproof-One-More", "a name that begins like another"),
    ("X-Wsproof-Twice", "first"),
    ("X-WSPROOF-UPPER", "upper"),
    ("x-wsproof-twice", "second"),
    ("x-wsproof-lower", 'lower: with="colon", comma'),
)
"""Names of letters, digits and hyphens, which no server may drop."""
SENT: tuple[Headers, ...] = (
    _PLAIN,
    (("X-Wsproof-A-B", "hyphen"), ("X-Wsproof-A_B", "underscore"), ("X-Wsproof-A.B", "dot")),
    (("X-Wsproof-A_B", "underscore"), ("X-Wsproof-A.B", "dot")),
)
"""The headers of each request.

A careful server may drop or refuse the unusual names of the second and the third request, but must not confuse them
with other names. The third request finds a server that keeps the first of two names that it confuses.
"""
_UNUSUAL_CHARACTER = re.compile(r"[^a-z0-9-]")
_COMMA = re.compile(r"\s*,\s*")


def altered(sent: Headers, received: Headers) -> list[str]:
    """Return how the received headers differ from the sent ones, as clauses.

    Names are compared without regard to case (RFC 9110 5.1). Several lines of one name may arrive as one (5.3). A name
    with other characters than letters, digits and hyphens may be missing. Headers that we did not name are ignored.
    """
    expected, actual = _by_name(sent), _by_name(received)
    differences = []
    for name, values in expected.items():
        if name not in actual:
            if not _UNUSUAL_CHARACTER.search(name):
                differences.append(f"{name} did not arrive")
        elif _joined(actual[name]) != _joined(values):
            differences.append(
                f"{name}: {' and '.join(map(repr, values))} arrived as {' and '.join(map(repr, actual[name]))}"
            )
    differences += [f"{name} arrived, which was not sent" for name in actual if name not in expected and _is_ours(name)]
    return differences


def _by_name(headers: Headers) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(value)
    return values


def _joined(values: Iterable[str]) -> str:
    return _COMMA.sub(",", ",".join(value.strip() for value in values))


def _is_ours(name: str) -> bool:
    """Whether the name is one of ours, perhaps with its hyphens replaced."""
    return _UNUSUAL_CHARACTER.sub("-", name.lower()).startswith(_PREFIX)


def _scope_headers(context: RobustnessContext) -> RobustnessOutcome:
    """Send the headers, and compare them with those that an app of ours received."""
    outcome = RobustnessOutcome()
    echo = context.header_echo() if context.header_echo is not None else None
    if echo is None:
        outcome.lacking = _NO_ECHO
        return outcome
    try:
        with echo as endpoint:
            endpoint = endpoint.within(context.budget)
            for headers in SENT:
                context.budget.check()
                outcome.connections += 1
                client = Client(replace(endpoint, headers=tuple(headers)), deadline_s=context.deadline_s)
                _compare(client, headers, outcome)
                if outcome.violations:
                    break
    except TargetError as error:
        context.budget.check()
        outcome.lacking = f"not checked: the server did not start with an app of ours: {str(error).splitlines()[0]}"
    return outcome


def _compare(client: Client, headers: Headers, outcome: RobustnessOutcome) -> None:
    try:
        response = client.open()
        if response.status != 101:
            if headers is _PLAIN:
                outcome.lacking = f"not checked: a handshake with plain headers got {response.describe()}"
            return
        message = client.wait_event(lambda event: isinstance(event, TextMessage))
    finally:
        client.abort()
    if not isinstance(message, TextMessage):
        outcome.lacking = "not checked: no answer came from an app that answers with its headers"
        return
    received = [(str(name), str(value)) for name, value in json.loads(message.text)]
    if wrong := altered(headers, received):
        outcome.lines += [f"-> {name}: {value}" for name, value in headers]
        ours = [(name, value) for name, value in received if _is_ours(name)]
        outcome.lines += [f"   the application received {name}: {value}" for name, value in ours]
        outcome.report_violation("scope-headers", _EXPECTED, "; ".join(wrong))


TESTS: tuple[RobustnessTest, ...] = (RobustnessTest("scope-headers", _scope_headers),)
