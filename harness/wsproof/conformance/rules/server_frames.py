"""The rules `server-...`: what no server may send. `wsproof.wire` checks every frame that the suite reads."""

from __future__ import annotations

from wsproof.conformance.rules.rule import Binding, Rule
from wsproof.model.chapter import Chapter, RuleKind
from wsproof.wire import RULES as WIRE_RULES

_IMPLIED_BY = {
    "text-utf8": ("utf8-broken", "fragments-joined", "deflate-utf8-broken"),
    "control-after-close": ("server-data-after-close", "close-ends-tcp"),
    "deflate-data": ("deflate-server-context", "deflate-server-window"),
    "deflate-parameters": ("deflate-declined",),
}
"""Rules of the suite whose violation makes a rule on frames fail too."""

SENT = tuple(
    Rule(
        f"server-{name}",
        known.section,
        Binding(known.level),
        known.sentence,
        f"server frames: {name}",
        Chapter(known.chapter),
        kind=RuleKind.SERVER_FRAMES,
        implied_by=_IMPLIED_BY.get(name, ()),
    )
    for name, known in WIRE_RULES.items()
)
