"""Workloads whose members lose their access by a command or a request of the user (`--revoke`)."""

from __future__ import annotations

import copy
import shlex
import subprocess
import urllib.request
from collections.abc import Mapping
from urllib.error import URLError
from urllib.parse import quote, urlsplit

from wsproof.errors import UsageError
from wsproof.workloads import Workload
from wsproof.workloads.steps import JoinRefused

ENDS_S = 30.0
"""Seconds that the command or the request may take."""
NUMBER, NAME = "{n}", "{name}"
"""Stand for the member's number and its name."""


def with_revoke(workloads: Mapping[str, Workload], action: str) -> Mapping[str, Workload]:
    """The same workloads, whose members lose their access by this command, or by a POST to this URL.

    An empty action changes nothing.
    """
    return {name: _revoking(workload, action) for name, workload in workloads.items()} if action else workloads


def require_member_in(action: str) -> None:
    """Refuse an action that names no member.

    Raises:
        UsageError: neither {n} nor {name} occurs.
    """
    if action and NUMBER not in action and NAME not in action:
        raise UsageError(
            f"expected --revoke to say whose access is revoked, by {NUMBER} (the member's number) or {NAME}, such as "
            f"'./logout.sh {NAME}' or http://127.0.0.1:8000/users/{NAME}/logout, got {action!r}"
        )


def _revoking(workload: Workload, action: str) -> Workload:
    changed = copy.copy(workload)

    def revoke(member: int, url: str) -> None:
        number, name = str(workload.base + member), workload.name_of(member)
        if is_url(action):
            headers = workload.headers(member) if _is_same_server(action, url) else {}
            _post(_filled(action, number, quote(name, safe="")), headers)
        else:
            _run(_filled(action, number, shlex.quote(name)))

    changed.revoke = revoke  # type: ignore[method-assign]  # for this object only
    return changed


def is_url(action: str) -> bool:
    """Whether the action is a request, and no command."""
    return action.startswith(("http://", "https://"))


def _filled(action: str, number: str, name: str) -> str:
    return action.replace(NUMBER, number).replace(NAME, name)


def _is_same_server(action: str, url: str) -> bool:
    """Whether a request goes to the tested server. Nobody else gets the member's headers."""
    return urlsplit(action).netloc == urlsplit(url).netloc


def _run(command: str) -> None:
    try:
        done = subprocess.run(command, shell=True, capture_output=True, timeout=ENDS_S)
    except subprocess.TimeoutExpired:
        raise JoinRefused(f"the command did not end within {ENDS_S:g} s") from None
    if done.returncode:
        raise JoinRefused(f"the command ended with exit code {done.returncode}")


def _post(url: str, headers: Mapping[str, str]) -> None:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers), method="POST"), timeout=ENDS_S):
            pass  # any 2xx will do
    except (URLError, OSError) as error:
        raise JoinRefused(f"the request failed: {error}") from error
