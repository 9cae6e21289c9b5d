"""Known deviations of a target, from three sources.

The sources are the user's file, the app's file, and the files that ship with wsproof.
"""

from __future__ import annotations

from collections.abc import Mapping

from wsproof.deviations import Deviation, KnownDeviations, load_deviations, shipped_deviations
from wsproof.target.target import Target

__all__ = ["known_deviations"]


def known_deviations(target: Target, server: str, installed: Mapping[str, str] | None) -> KnownDeviations:
    """Return the known deviations of `target`, run by the entry `server` of SERVERS.

    `installed` are the installed package versions. `--server-hint` overrides `server`. The versions then apply only if
    the hint names the server that we start.

    Raises:
        UsageError: the app's file cannot be read.
    """
    named = target.own_deviations is not None
    own = target.own_deviations if target.own_deviations is not None else _of_app(target, server)
    name = target.server_hint or server
    shipped = shipped_deviations(name, installed if name == server else None)
    return KnownDeviations(own=own, shipped=shipped, named=named)


def _of_app(target: Target, server: str) -> tuple[Deviation, ...]:
    """Load `shop/accepted/SERVER.toml` for `shop.asgi:app` run by SERVER."""
    if target.app is None:
        return ()
    package = target.app.partition(":")[0].split(".")[0]
    path = target.cwd / package / "accepted" / f"{server}.toml"
    return load_deviations(path) if path.is_file() else ()
