"""A comparison that ended before its time."""

from __future__ import annotations

from wsproof.errors import WsproofError
from wsproof.load import PartialRun
from wsproof.model.comparison import Comparison
from wsproof.model.record import TrustWarning


class PartialComparison(WsproofError):
    """Blocks are missing; `comparison` is what the others show, `cause` what ended it (Ctrl-C, a server that died)."""

    def __init__(self, comparison: Comparison, cause: BaseException) -> None:
        super().__init__(f"The comparison ended before its time: {cause}")
        self.comparison = comparison
        self.cause = cause.cause if isinstance(cause, PartialRun) else cause


def cut_short(measured: int, planned: int) -> TrustWarning:
    """What the reader of such a comparison has to know."""
    return TrustWarning(
        "cut-short",
        f"Only {measured} of {planned} blocks were measured: it was ended before its time.",
        "Run it again and let it finish; fewer --pairs (8 at least) or a shorter --duration make it shorter.",
        voids=True,
    )
