"""Members of the reference server's typed channels: who they are, and what its server must allow them.

Members sign in with tokens that are signed here with the server's secret. The secret is read from the environment
variable `SECRET`, which the server reads as well. A server that wsproof starts gets a random one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Mapping, Sequence

from wsproof.model.envelope import Opened, open_envelope, undamaged
from wsproof.model.reference_server import PACKAGE, SECRET, UNLIMITED_RATES

TOKEN_LASTS_S = 24 * 3600
"""Lifetime of a token in seconds: one day, longer than any run."""
PONG = json.dumps({"type": "pong"})
"""The answer of a member to the server's ping."""
_MARK_END = ": "
"""The separator between a member's number and its text."""


def environment() -> Mapping[str, str]:
    """The secret and the limits. The secret is also set in this process, so that load workers inherit it."""
    return {SECRET: os.environ.setdefault(SECRET, secrets.token_urlsafe(32)), **UNLIMITED_RATES}


def with_token(path: str, user: str, roles: Sequence[str] = ()) -> str:
    """The path with a token of this user in its query; without one if there is no secret."""
    secret = os.environ.get(SECRET)
    return f"{path}?token={_token(user, roles, secret)}" if secret else path


def marked(member: int, text: str) -> str:
    """The text with the number of its author in front, for channels in which authors must know their own texts."""
    return f"{member}{_MARK_END}{text}"


def is_own(member: int, text: str) -> bool:
    """Whether a marked text is of this member."""
    return text.startswith(f"{member}{_MARK_END}")


def without_mark(text: str) -> tuple[str, Opened | None]:
    """A marked text without its mark, and its envelope. Text that was inserted between the two is damage."""
    mark, end, own = text.partition(_MARK_END)
    opened = undamaged(open_envelope(text), len(f"{mark}{end}".encode(errors="surrogatepass")))
    return own if end else text, opened


def _token(user: str, roles: Sequence[str], secret: str) -> str:
    """A JSON Web Token (RFC 7519), signed with HS256, as the server itself would issue it."""
    now = int(time.time())
    claims = {
        "iss": PACKAGE,
        "aud": PACKAGE,
        "sub": user,
        "roles": list(roles),
        "iat": now,
        "exp": now + TOKEN_LASTS_S,
    }
    signed = ".".join(_base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{signed}.{_base64url(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))}"


def _base64url(data: bytes) -> str:
    """Base64 for URLs, without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
