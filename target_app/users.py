"""The users that may log in. Passwords are kept as argon2id hashes only; the demo users' passwords are their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import BaseModel, ConfigDict, Field, field_validator

MAX_NAME_CHARACTERS = 64
MAX_PASSWORD_CHARACTERS = 256

_hasher = PasswordHasher()


class User(BaseModel):
    """A user who may log in. Create the hash with `python -m argon2` or `PasswordHasher().hash(password)`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    password: str = Field(repr=False)
    """An argon2 hash in its usual form, `$argon2id$v=19$...`."""

    roles: frozenset[str] = frozenset()
    """Roles of the user. `admin` is the only known role."""

    @field_validator("password")
    @classmethod
    def _is_a_hash(cls, value: str) -> str:
        if not value.startswith("$argon2"):
            raise ValueError("an argon2 hash ($argon2id$...) is needed, never the password itself")
        return value


DEMO_USERS: Mapping[str, User] = {
    "user": User(
        password="$argon2id$v=19$m=65536,t=3,p=4$gYgIyomEZs23Of5qtqNtxQ$NDvso5h//DYBl0Wr9sZ2b/vNHTHi3TF785+QcErzhFs"
    ),
    "admin": User(
        password="$argon2id$v=19$m=65536,t=3,p=4$ywbwy33l2EfQ05V9cprDOA$dEvvxmaMjBdLTVdfDH/6UlXdopvrjiPdO+mteXNWruY",
        roles=frozenset({"admin"}),
    ),
}
_NOBODY = DEMO_USERS["user"].password


def is_demo(user: User) -> bool:
    """Return whether this user has a public demo password."""
    return user.password in {demo.password for demo in DEMO_USERS.values()}


def authenticate(users: Mapping[str, User], name: str, password: str) -> User | None:
    """Return the user, or None. Takes about 50 ms of CPU (call it in a thread), also for unknown names."""
    user = users.get(name)
    try:
        _hasher.verify(_NOBODY if user is None else user.password, password)
    except (VerificationError, InvalidHashError):
        return None
    return user


def check_names(users: Mapping[str, Any]) -> None:
    """Raises ValueError for a name that cannot be shown in a room."""
    for name in users:
        if not name or len(name) > MAX_NAME_CHARACTERS or not name.isprintable():
            raise ValueError(f"user names have 1 to {MAX_NAME_CHARACTERS} printable characters")
