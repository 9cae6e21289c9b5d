"""The rules `server-...`: what no server may ever send. `wsproof.wire` checks every frame that the suite reads."""

from __future__ import annotations

from wsproof.conformance.rules.rule import Binding, Rule
from wsproof.wire import RULES as WIRE_RULES

SENT = tuple(
    Rule(f"server-{name}", known.section, Binding(known.level), known.sentence, f"server frames: {name}")
    for name, known in WIRE_RULES.items()
)
