"""Every rule that a server can violate: its section, how binding it is, and its demand.

Each chapter has its own file. All but the last say how a server must react to a *client*. The last, `server-...`, says
what no server may send.
"""

from __future__ import annotations

from wsproof.conformance.rules.close import CLOSE
from wsproof.conformance.rules.control import CONTROL
from wsproof.conformance.rules.deflate import DEFLATE
from wsproof.conformance.rules.fragmentation import FRAGMENTATION
from wsproof.conformance.rules.framing import FRAMING
from wsproof.conformance.rules.handshake import HANDSHAKE
from wsproof.conformance.rules.masking import MASKING
from wsproof.conformance.rules.messages import MESSAGES
from wsproof.conformance.rules.robustness import ROBUSTNESS
from wsproof.conformance.rules.rule import Binding, Rule
from wsproof.conformance.rules.server_frames import SENT

__all__ = ["RULES", "Binding", "Rule", "rule"]

RULES: tuple[Rule, ...] = (
    *HANDSHAKE,
    *FRAMING,
    *MASKING,
    *FRAGMENTATION,
    *CONTROL,
    *CLOSE,
    *MESSAGES,
    *DEFLATE,
    *ROBUSTNESS,
    *SENT,
)
"""All rules, in the order of the RFC."""

_BY_ID = {each.id: each for each in RULES}


def rule(identifier: str) -> Rule:
    """The rule with this id. Raises KeyError if there is none."""
    return _BY_ID[identifier]
