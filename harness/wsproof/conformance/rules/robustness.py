"""Rules that no RFC states: a server under strain must keep serving its clients."""

from __future__ import annotations

from wsproof.conformance.rules.robustness_rules import DEMANDS
from wsproof.conformance.rules.rule import MUST, Rule
from wsproof.model.chapter import Chapter, RuleKind
from wsproof.model.harm import Harm
from wsproof.model.server_end import PROCESS_ENDED

STRAIN = (
    Rule(
        PROCESS_ENDED,
        "liveness",
        MUST,
        "The server's process survives everything that a client sends.",
        "the server's process goes on",
        harm=Harm.PROCESS_DIED,
        chapter=Chapter.ROBUSTNESS,
        kind=RuleKind.SERVICE,
    ),
    Rule(
        "other-clients-served",
        "liveness",
        MUST,
        "The server goes on serving other clients, whatever one client does.",
        "other clients are served",
        harm=Harm.OTHERS_NOT_SERVED,
        chapter=Chapter.ROBUSTNESS,
        kind=RuleKind.SERVICE,
    ),
    *DEMANDS,
)
