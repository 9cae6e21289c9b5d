"""The robustness rules: a server under strain must keep serving its clients.

RFC 6455 states only their general form, in 10.4: an endpoint protects itself.

Serving others is a MUST, since one client must not be able to stop a server. Costs and leaks are a SHOULD (non-strict):
their importance depends on who may connect.
"""

from __future__ import annotations

from wsproof.conformance.rules.rule import MUST, SHOULD, Rule
from wsproof.model.chapter import Chapter, Harm, RuleKind
from wsproof.model.server_end import PROCESS_ENDED

__all__ = ["ROBUSTNESS", "RULES_WITH_A_TEST"]

_S = "robustness"

RULES_WITH_A_TEST = (
    Rule(
        "served-despite-slow-handshake",
        _S,
        MUST,
        "While some clients are slow with their handshake, others connect and are served.",
        "others are served beside slow handshakes",
        harm=Harm.OTHERS_NOT_SERVED,
        chapter=Chapter.ROBUSTNESS,
        kind=RuleKind.SERVICE,
    ),
    Rule(
        "served-despite-slow-reader",
        _S,
        MUST,
        "While a client does not read, or reads byte by byte, others are served.",
        "others are served beside a slow reader",
        harm=Harm.OTHERS_NOT_SERVED,
        chapter=Chapter.ROBUSTNESS,
        kind=RuleKind.SERVICE,
    ),
    Rule(
        "send-buffer-bounded",
        _S,
        SHOULD,
        "The send buffer for a client that does not read is bounded (10.4).",
        "bounded send buffers",
        chapter=Chapter.ROBUSTNESS,
    ),
    Rule(
        "many-fragments",
        "5.4",
        MUST,
        "A message may be cut into any number of fragments: one of 10,000 arrives whole, or is refused with a code.",
        "10,000 fragments",
        harm=Harm.DATA,
        chapter=Chapter.FRAGMENTATION,
        implied_by=(
            "fragments-joined",
            "control-between-fragments",
            "payload-lengths",
        ),
    ),
    Rule(
        "empty-fragments",
        "5.4",
        MUST,
        "Fragments may be empty: a message with 100,000 of them arrives whole, or is refused with a code.",
        "100,000 empty fragments",
        harm=Harm.DATA,
        chapter=Chapter.FRAGMENTATION,
        implied_by=(
            "fragments-joined",
            "control-between-fragments",
            "payload-lengths",
        ),
    ),
    Rule(
        "empty-fragments-memory",
        _S,
        SHOULD,
        "Empty fragments take no memory, even if the message does not end (10.4).",
        "memory of empty fragments",
        chapter=Chapter.ROBUSTNESS,
    ),
    Rule(
        "deflate-isolation",
        "RFC 7692 7.2.2",
        MUST,
        "Each connection has a compression window of its own, whatever others send meanwhile.",
        "several compressing clients at once",
        harm=Harm.DATA,
        chapter=Chapter.DEFLATE,
    ),
    Rule(
        "served-despite-flood",
        _S,
        MUST,
        "While a client floods the server with fragments, others are served.",
        "others are served beside a flood",
        harm=Harm.OTHERS_NOT_SERVED,
        chapter=Chapter.ROBUSTNESS,
        kind=RuleKind.SERVICE,
    ),
    Rule(
        "cost-of-fragments",
        _S,
        SHOULD,
        "The cost of a message grows no faster than the number of its fragments (10.4).",
        "the cost of fragments",
        chapter=Chapter.ROBUSTNESS,
    ),
    Rule(
        "cost-of-handshake",
        _S,
        SHOULD,
        "The cost of a handshake grows no faster than its headers (10.4).",
        "the cost of headers",
        chapter=Chapter.ROBUSTNESS,
    ),
    Rule(
        "served-after-churn",
        _S,
        MUST,
        "After a thousand connections that were closed or reset, an old and a new client are served.",
        "others are served after many connections",
        harm=Harm.OTHERS_NOT_SERVED,
        chapter=Chapter.ROBUSTNESS,
        kind=RuleKind.SERVICE,
    ),
    Rule(
        "freed-after-abandoned",
        _S,
        SHOULD,
        "The server frees the descriptors and memory of clients that left in the middle of their handshake.",
        "resources of abandoned handshakes",
        chapter=Chapter.ROBUSTNESS,
    ),
    Rule(
        "freed-after-refusal",
        _S,
        SHOULD,
        "The server frees the descriptors and memory of clients that it refused.",
        "resources of refused handshakes",
        chapter=Chapter.ROBUSTNESS,
    ),
    Rule(
        "freed-after-close",
        _S,
        SHOULD,
        "The server frees the descriptors and memory of clients that closed.",
        "resources of closed connections",
        chapter=Chapter.ROBUSTNESS,
    ),
    Rule(
        "freed-after-reset",
        _S,
        SHOULD,
        "The server frees the descriptors and memory of clients that reset TCP.",
        "resources of reset connections",
        chapter=Chapter.ROBUSTNESS,
    ),
    Rule(
        "freed-after-half-close",
        _S,
        SHOULD,
        "The server frees the descriptors and memory of clients that ended their side of TCP.",
        "resources of half-closed connections",
        chapter=Chapter.ROBUSTNESS,
    ),
)

ROBUSTNESS = (
    Rule(
        PROCESS_ENDED,
        "liveness",
        MUST,
        "The server's process survives everything that a client sends.",
        "the server's process keeps running",
        harm=Harm.PROCESS_DIED,
        chapter=Chapter.ROBUSTNESS,
        kind=RuleKind.SERVICE,
    ),
    Rule(
        "other-clients-served",
        "liveness",
        MUST,
        "The server continues to serve other clients, whatever one client does.",
        "other clients are served",
        harm=Harm.OTHERS_NOT_SERVED,
        chapter=Chapter.ROBUSTNESS,
        kind=RuleKind.SERVICE,
    ),
    *RULES_WITH_A_TEST,
)
