"""`/auth/...`: login, refresh of a token, the signed-in user, and logout."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from target_app import users
from target_app.auth import COOKIE, Known, is_of_this_host
from target_app.history import HistoryUnavailable
from target_app.password_checks import LoginRefused, PasswordChecks
from target_app.services import Services
from target_app.sessions import Logouts
from target_app.tokens import Tokens

router = APIRouter(prefix="/auth")


class Credentials(BaseModel):
    """The fields of a login."""

    model_config = ConfigDict(extra="forbid")

    username: Annotated[str, Field(min_length=1, max_length=users.MAX_NAME_CHARACTERS)]
    password: Annotated[str, Field(min_length=1, max_length=users.MAX_PASSWORD_CHARACTERS, repr=False)]
    cookie: bool = False
    """Set the token as a cookie too (HttpOnly, SameSite=Strict), for pages that would rather not hold it."""


class Token(BaseModel):
    """The answer to a login, with the names of OAuth 2 (RFC 6749 section 5.1)."""

    access_token: str
    token_type: str = "bearer"
    expires_in: float
    """Seconds."""
    user: str
    roles: list[str]


class Me(BaseModel):
    """The user of a token, and the seconds for which it is valid."""

    user: str
    roles: list[str]
    expires_in: float


@router.post("/token")
async def token(request: Request, response: Response, credentials: Credentials) -> Token:
    """Return a token for a name and a password. 401: one of them is wrong. 429: too many failed logins. 503: too many
    logins at once."""
    checks, address = Services.of(request).shared(PasswordChecks), request.client.host if request.client else ""
    try:
        user = await checks.authenticate(credentials.username, credentials.password, address)
    except LoginRefused as refused:
        raise HTTPException(refused.status, refused.reason, {"retry-after": str(refused.retry_after)}) from None
    if user is None:
        raise HTTPException(401, "wrong_name_or_password")
    if users.is_demo(user) and not _may_be_demo(request):
        raise HTTPException(403, "demo_users_on_this_machine_only")
    return _answer(request, response, credentials.username, user.roles, as_cookie=credentials.cookie)


@router.post("/refresh")
async def refresh(request: Request, response: Response, identity: Known) -> Token:
    """Return a newer token for a valid one. 401: the token is not valid, or there is no such user (any more)."""
    user = Services.of(request).settings.users.get(identity.user)
    if user is None:
        raise HTTPException(401, "unknown_user", {"www-authenticate": "Bearer"})
    return _answer(request, response, identity.user, user.roles, as_cookie=COOKIE in request.cookies)


@router.get("/me")
async def me(identity: Known) -> Me:
    """Return the user who asks. Answers 401 without one."""
    return Me(user=identity.user, roles=sorted(identity.roles), expires_in=identity.expires_in)


@router.post("/logout", status_code=204)
async def logout(request: Request, response: Response, identity: Known) -> None:
    """Invalidate all tokens of the user, and close all connections of the user (1008 `logged_out`). 503: done on this
    worker only, because the others could not be told. Try again."""
    try:
        await Services.of(request).shared(Logouts).log_out(identity.user)
    except HistoryUnavailable:
        raise HTTPException(503, "logout_not_stored", {"retry-after": "1"}) from None
    response.delete_cookie(COOKIE)


def _may_be_demo(request: Request) -> bool:
    """Return whether demo users may sign in: from this machine, or from anywhere if a setting allows it."""
    return Services.of(request).settings.demo_users_anywhere or is_of_this_host(request)


def _answer(request: Request, response: Response, user: str, roles: frozenset[str], *, as_cookie: bool) -> Token:
    services = Services.of(request)
    issued, lifetime = services.shared(Tokens).issue(user, roles), services.settings.token_lifetime
    if as_cookie:
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, issued, max_age=int(lifetime), httponly=True, samesite="strict", secure=secure)
    return Token(access_token=issued, expires_in=lifetime, user=user, roles=sorted(roles))
