"""The pages that may connect.

Browsers let any page open a WebSocket to any host, with its cookies, and name the page in the Origin header. The server
has to check that header (RFC 6455 section 10.2): `site_policy.py` does.
"""

from __future__ import annotations

from fastapi.requests import HTTPConnection

from target_app.hosts import is_trusted
from target_app.settings import Settings

LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")


def is_allowed(connection: HTTPConnection, settings: Settings) -> bool:
    """Return whether the Origin is on the list, exactly; without a list, whether it is that of our own pages. A request
    without an Origin does not come from a page."""
    origins = connection.headers.getlist("origin")
    if not origins:
        return True
    if len(origins) > 1:
        return False
    if origins[0] == "null":
        return settings.allow_null_origin
    return origins[0] in (settings.allowed_origins or _own(connection, settings))


def is_own(connection: HTTPConnection, settings: Settings) -> bool:
    """Return whether there is one Origin, and it is that of our own pages, independent of the list."""
    origins = connection.headers.getlist("origin")
    return len(origins) == 1 and origins[0] in _own(connection, settings)


def _own(connection: HTTPConnection, settings: Settings) -> frozenset[str]:
    """The origins of our own pages. The Host counts only where it is trusted: a hostile page's own (rebound) name
    would stand there, too."""
    host, port = connection.scope.get("server") or (None, None)
    names = (*LOCAL_NAMES, f"[{host}]" if host and ":" in host else host)
    suffixes = {"http": "" if port == 80 else f":{port}", "https": "" if port == 443 else f":{port}"}
    own = {f"{scheme}://{name}{suffix}" for name in names for scheme, suffix in suffixes.items()}
    if is_trusted(connection, settings):
        own |= {f"{scheme}://{name.lower()}" for name in connection.headers.getlist("host") for scheme in suffixes}
    return frozenset(own)
