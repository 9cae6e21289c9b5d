"""The shipped conformance suite for RFC 6455: `pytest --pyargs wsproof.conformance --ws-target ...`, or `wsproof
check`.

Rules say what the RFC asks (`rules`); an oracle says what a server may do with any conversation (`greeting`, `oracle`);
properties (one file per chapter) draw conversations; `conduct` has them; `judge` compares.
"""

from typing import Any

from wsproof.conformance.rules import RULES, Binding, Rule

__all__ = ["RULES", "Binding", "Rule", "replay", "run_suite"]


def __getattr__(name: str) -> Any:
    # Hypothesis takes a moment to import; `wsproof list checks` needs the rules only.
    if name in ("replay", "run_suite"):
        from wsproof.conformance import suite

        return getattr(suite, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
