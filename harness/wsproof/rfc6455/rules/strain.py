"""Not of the RFC's text, but of what it is for: a server that is strained goes on serving."""

from __future__ import annotations

from wsproof.rfc6455.robustness.demands import DEMANDS
from wsproof.rfc6455.rules.rule import MUST, Binding, Rule

STRAIN = (
    Rule(
        "neighbour-served",
        "liveness",
        MUST,
        "Whatever one client does, another one is still served.",
        "other clients are served",
    ),
    *(Rule(name, where, Binding(level), *words) for name, where, level, *words in DEMANDS),
)
