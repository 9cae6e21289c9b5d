"""The checks that a quick run of the protocol suite makes first."""

from __future__ import annotations

from wsproof.model.suite import SuiteOptions

QUICK = (
    "opening-accepted",
    "payload-lengths",
    "ping-answered",
    "close-answered",
    "segmentation",
    "fragments-joined",
    "utf8-broken",
    "utf8-valid",
    "mask-required",
    "control-between-fragments",
    "key-required",
    "upgrade-required",
    "version-13",
    "opcode-reserved",
    "rsv-zero",
    "continuation-orphan",
    "interleaved-messages",
    "control-long",
    "close-code-legal",
    "half-close-ends",
    "extra-headers",
    "handshake-segmentation",
    "deflate-offers",
    "deflate-context",
)
"""Their names, in order: what every client relies on, and then the rules that most of the planted faults break."""


def quick_first(names: list[str], options: SuiteOptions) -> list[str]:
    """The names of checks in the order of a run: a quick run begins with those of QUICK, any other has their order."""
    if not options.quick:
        return names
    first = [name for name in QUICK if name in names]
    return [*first, *(name for name in names if name not in first)]
