"""Former names of checks, rules, anomalies and trust warnings.

Old records, recipes of findings, `--only` and files of known deviations may still use them.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["FORMER_ANOMALIES", "FORMER_CHECKS", "FORMER_WARNINGS", "current_check", "former_checks"]

FORMER_CHECKS: Mapping[str, str] = {
    # Rules of the protocol suite.
    "neighbour-served": "other-clients-served",
    "served-beside-slow-handshake": "served-despite-slow-handshake",
    "served-beside-slow-reader": "served-despite-slow-reader",
    "served-beside-flood": "served-despite-flood",
    "served-after-storm": "served-after-churn",
    "unread-bounded": "send-buffer-bounded",
    "empty-fragments-held": "empty-fragments-memory",
    "deflate-apart": "deflate-isolation",
    "control-no-part": "control-not-counted",
    "fail-says-why": "fail-close-frame",
    "close-unasked": "close-by-server",
    "close-inside-legal": "close-in-message-legal",
    "deflate-refused": "deflate-bad-offer-connects",
    "control-between": "control-between-fragments",
    "message-inside": "interleaved-messages",
    "server-message-inside-message": "server-interleaved-messages",
    "close-cuts-message": "close-between-fragments",
    "any-order": "mixed-frames",
    "deflate-between": "deflate-control-frames",
    "deflate-other-bits": "deflate-rsv2-rsv3",
    # Checks of channels.
    "one-audience": "cross-worker-delivery",
    "last-words": "messages-before-close",
    "joining-in-the-middle": "late-join",
    "coming-back": "reconnect",
    "subscribing-twice": "double-subscription",
    "moving": "room-change",
    "binary-neighbour": "binary-frame-isolation",
    "garbage-neighbour": "protocol-error-isolation",
    "dying-neighbour": "reset-isolation",
    "sleeping-neighbour": "slow-reader-isolation",
    "feed-binary-neighbour": "feed-binary-frame-isolation",
    "feed-dying-neighbour": "feed-misbehaviour-isolation",
    "names": "unusual-names",
    "release": "resource-release",
    "limits": "message-size-limit",
    "message-limit": "message-size-limit",
    "standing": "long-lived-listeners",
    "recovers": "recovery",
    # Findings of Locust runs.
    "judge": "no-verdict",
    # Checks of histories, and findings of probes.
    "never-read": "nothing-received",
    "dropped": "disconnected",
    "cut-off": "disconnected",
    "intrusion": "unauthorized-access",
    "agreed-order": "total-order",
    "leaked-leave": "misrouted-leave",
    "ghost": "message-after-leave",
    "person-gone": "early-user-leave",
    "stalled-by-neighbour": "stalled-by-other-member",
    "stopped": "feed-stopped",
    "joined": "join-failed",
    "refused": "publish-refused",
    "resumed": "missed-while-away",
    "place-kept": "place-not-freed",
    "memory-kept": "memory-not-freed",
    "threads-kept": "threads-not-freed",
    "descriptors-kept": "descriptors-not-freed",
}
"""Current name of a check by its former name."""

FORMER_ANOMALIES: Mapping[str, str] = {
    "never-read": "nothing-received",
    "ghost": "message-after-leave",
    "stalled-by-neighbour": "stalled-by-other-member",
    "secret-shown": "secret-logged",
    "bad-farewell": "unclean-close",
    "stopped-late": "slow-shutdown",
    "cut-off": "disconnected",
    "kept": "not-freed",
}
"""Current name of an anomaly by its former name."""

FORMER_WARNINGS: Mapping[str, str] = {
    "read-together": "inexact-arrival-times",
    "full-buffer": "receive-buffer-full",
    "not-alone": "concurrent-measurement",
}
"""Current code of a trust warning by its former code."""


def current_check(name: str) -> str:
    """Return the current name of a check. The name may begin with a channel, as in "chat.last-words"."""
    channel, dot, check = name.rpartition(".")
    return f"{channel}{dot}{FORMER_CHECKS.get(check, check)}"


def former_checks(name: str) -> tuple[str, ...]:
    """Return all former names of a check, each with the channel that `name` begins with."""
    channel, dot, check = name.rpartition(".")
    return tuple(f"{channel}{dot}{former}" for former, current in FORMER_CHECKS.items() if current == check)
