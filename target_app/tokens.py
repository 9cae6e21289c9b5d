"""Signed tokens that identify a user for a limited time (JWT, RFC 7519, HS256)."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import jwt

from target_app.secret_file import secret_of
from target_app.services import Services

ALGORITHM = "HS256"
ISSUER = AUDIENCE = "target_app"
LEEWAY = 5.0
"""Seconds by which the clock of another host that shares the secret may be ahead or behind."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The user of a token. `issued_at` and `expires_at` are Unix times in seconds."""

    user: str
    roles: frozenset[str]
    expires_at: float
    issued_at: float = 0.0

    @property
    def is_admin(self) -> bool:
        return "admin" in self.roles

    @property
    def expires_in(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.expires_at - time.time())


class InvalidToken(Exception):
    """Raised for an invalid token. `reason` is a stable slug and contains nothing of the token."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Tokens:
    """Issues and reads tokens; remembers who logged out. One for each application: `services.shared(Tokens)`."""

    def __init__(self, services: Services) -> None:
        self._secret = secret_of(services.settings)
        self._lifetime = services.settings.token_lifetime
        self._users = services.settings.users
        self._logged_out: dict[str, float] = {}

    def issue(self, user: str, roles: frozenset[str]) -> str:
        """Return a token for `user` that lasts for the configured lifetime. Its roles only inform the client."""
        now = time.time()
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user,
            "roles": sorted(roles),
            "iat": now,
            "exp": math.ceil(now + self._lifetime),  # PyJWT compares whole seconds
        }
        return jwt.encode(claims, self._secret, ALGORITHM)

    def read(self, token: str) -> Identity:
        """Return the user of a token. Raises InvalidToken if it is forged, malformed, expired or logged out.

        The roles are those that the user has now, because a token outlives changes of the users.
        """
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "sub", "aud", "iss"]},
            )
            issued_at, expires_at = float(claims["iat"]), float(claims["exp"])
        except jwt.ExpiredSignatureError as expired:
            raise InvalidToken("token_expired") from expired
        except (jwt.PyJWTError, OverflowError) as invalid:
            raise InvalidToken("invalid_token") from invalid
        if not claims["sub"].isprintable():  # no user has such a name, and half a surrogate pair cannot be sent
            raise InvalidToken("invalid_token")
        if issued_at <= self._logged_out.get(claims["sub"], 0.0):
            raise InvalidToken("logged_out")
        user = self._users.get(claims["sub"])
        roles = frozenset[str]() if user is None else user.roles
        return Identity(claims["sub"], roles, expires_at, issued_at)

    def log_out(self, user: str, at: float) -> None:
        """Invalidate all tokens that `user` got until `at` (Unix time in seconds)."""
        self._logged_out = {name: then for name, then in self._logged_out.items() if then > at - self._lifetime}
        self._logged_out[user] = max(at, self._logged_out.get(user, 0.0))
