"""The error for a comparison that stopped before its end."""

from __future__ import annotations

from wsproof.errors import WsproofError
from wsproof.load import PartialRun
from wsproof.model.comparison import Comparison
from wsproof.model.summary import TrustWarning


class PartialComparison(WsproofError):
    """Blocks are missing. `comparison` is the result of the measured ones.

    `cause` is what stopped the comparison, such as Ctrl-C or a server that died.
    """

    def __init__(self, comparison: Comparison, cause: BaseException) -> None:
        super().__init__(f"The comparison ended before its time: {cause}")
        self.comparison = comparison
        self.cause = cause.cause if isinstance(cause, PartialRun) else cause


def cut_short(measured: int, planned: int, what: str = "blocks") -> TrustWarning:
    """The trust warning of such a comparison. It invalidates the verdict."""
    return TrustWarning(
        "cut-short",
        f"Only {measured} of {planned} {what} were measured: it was ended before its time.",
        "Run it again and let it finish; --quick makes it shorter, or fewer --pairs (8 at least) with --apart.",
        invalidates=True,
    )
