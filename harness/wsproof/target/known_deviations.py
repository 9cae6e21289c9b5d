"""What is known of the server of a target: from the user's file, from the app's, and from those that ship."""

from __future__ import annotations

from collections.abc import Mapping

from wsproof.deviations import Deviation, KnownDeviations, load_deviations, shipped_deviations
from wsproof.target.target import Target

__all__ = ["known_deviations"]


def known_deviations(target: Target, server: str, installed: Mapping[str, str] | None) -> KnownDeviations:
    """What is known of `target` run by the entry `server` of SERVERS, with these installed versions.

    `--server-hint` outranks `server`; its versions count only where the hint names what we start ourselves.

    Raises:
        UsageError: the app's own file cannot be read.
    """
    named = target.own_deviations is not None
    own = target.own_deviations if target.own_deviations is not None else _of_app(target, server)
    name = target.server_hint or server
    known = shipped_deviations(name, installed if name == server else None)
    return KnownDeviations(own=own, shipped=known, named=named)


def _of_app(target: Target, server: str) -> tuple[Deviation, ...]:
    """From `shop/accepted/SERVER.toml` for `shop.asgi:app` run by SERVER."""
    if target.app is None:
        return ()
    package = target.app.partition(":")[0].split(".")[0]
    path = target.cwd / package / "accepted" / f"{server}.toml"
    return load_deviations(path) if path.is_file() else ()
