"""The conformance suite for RFC 6455.

Run it with `pytest --pyargs wsproof.conformance --ws-target ...` or `wsproof check`. `rules` holds the RFC's demands.
Properties (`properties`, one file per chapter) generate scripts. `oracle` computes the expected outcome of any script.
`exchange` runs a script on a connection, and `verify` compares its transcript with the expectation.
"""

from typing import Any

from wsproof.conformance.rules import RULES, Binding, Rule

__all__ = ["RULES", "Binding", "Rule", "replay", "run_suite"]


def __getattr__(name: str) -> Any:
    # Importing Hypothesis is slow, and `wsproof list checks` needs only the rules.
    if name in ("replay", "run_suite"):
        from wsproof.conformance import suite

        return getattr(suite, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
