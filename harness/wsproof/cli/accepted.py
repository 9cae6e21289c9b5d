"""Known deviations of the target: from `--accepted FILE`, else from the file that the app ships for this server."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from wsproof.model.finding import Finding
from wsproof.model.suite import CheckRun
from wsproof.net.target import Target
from wsproof.rfc6455.accepted import apply, load_accepted


def find_accepted(target: Target, server_name: str) -> Path | None:
    """`shop/accepted/SERVER.toml` for `shop.asgi:app` run by SERVER; None where there is none."""
    if target.app is None:
        return None
    package = target.app.partition(":")[0].split(".")[0]
    path = target.cwd / package / "accepted" / f"{server_name}.toml"
    return path if path.is_file() else None


def mark_accepted(
    findings: Iterable[Finding], checks_run: Iterable[CheckRun], path: Path | None
) -> tuple[Finding, ...]:
    """The findings, those that are known marked with the reason, and a word on those that have disappeared."""
    known = load_accepted(path) if path is not None else ()
    return tuple(apply(findings, known, checks_run=checks_run))
