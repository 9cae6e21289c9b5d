"""Every rule that the suite can charge a server with: where it stands, how binding it is, and what it asks.

Each chapter has its file. All but the last say what a server owes to what a *client* does; the last, `server-...`, what
no server may ever send.
"""

from __future__ import annotations

from wsproof.rfc6455.rules.close import CLOSE
from wsproof.rfc6455.rules.control import CONTROL
from wsproof.rfc6455.rules.deflate import DEFLATE
from wsproof.rfc6455.rules.fragmentation import FRAGMENTATION
from wsproof.rfc6455.rules.framing import FRAMING
from wsproof.rfc6455.rules.handshake import HANDSHAKE
from wsproof.rfc6455.rules.messages import MESSAGES
from wsproof.rfc6455.rules.rule import Binding, Rule
from wsproof.rfc6455.rules.sent import SENT
from wsproof.rfc6455.rules.strain import STRAIN

__all__ = ["RULES", "Binding", "Rule", "rule"]

RULES: tuple[Rule, ...] = (
    *HANDSHAKE,
    *FRAMING,
    *FRAGMENTATION,
    *CONTROL,
    *CLOSE,
    *MESSAGES,
    *DEFLATE,
    *STRAIN,
    *SENT,
)
"""All rules, in the order of the RFC."""

_BY_ID = {each.id: each for each in RULES}


def rule(identifier: str) -> Rule:
    """The rule of this id; KeyError if there is none."""
    return _BY_ID[identifier]
