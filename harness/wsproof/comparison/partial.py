"""The measured part of a comparison, and the error for a comparison that stopped before its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from wsproof.errors import TerminatedRun, WsproofError
from wsproof.load import PartialRun
from wsproof.model.comparison import Comparison
from wsproof.model.summary import TrustWarning

Result = TypeVar("Result")
"""The result of one block or of one life."""


class PartialComparison(WsproofError):
    """Blocks are missing. `comparison` is the result of the measured ones.

    `cause` is what stopped the comparison, such as Ctrl-C or a server that died.
    """

    def __init__(self, comparison: Comparison, cause: BaseException) -> None:
        super().__init__(f"The comparison ended early: {cause}")
        self.comparison = comparison
        self.cause = cause.cause if isinstance(cause, PartialRun) else cause


@dataclass
class MeasuredPart(Generic[Result]):
    """The blocks or lives of a comparison that have been measured.

    `planned` is their intended number, and `unit` what they are called. `compare` makes a comparison of the results and
    of its other fields, which are `facts`. `keep` gets each result, and `checkpoint` the comparison up to then.
    """

    compare: Callable[..., Comparison]
    planned: int
    unit: str
    facts: Mapping[str, Any]
    warnings: tuple[TrustWarning, ...] = ()
    keep: Callable[[Result], None] | None = None
    checkpoint: Callable[[Comparison], None] | None = None
    results: list[Result] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def add_facts(self, **facts: Any) -> None:
        """Add other fields of the Comparison, which are known only after the preparation."""
        self.facts = {**self.facts, **facts}

    def add(self, result: Result) -> None:
        """Add the result of a block or a life that is over."""
        self.results.append(result)
        if self.keep is not None:
            self.keep(result)
        if self.checkpoint is not None:
            self.checkpoint(self.compared(self._cut_short()))

    def compared(self, *warnings: TrustWarning) -> Comparison:
        """The comparison of all results, with further trust warnings."""
        return self.compare(
            self.results,
            **self.facts,
            warnings=(*self.warnings, *warnings),
            started_utc=self.started.isoformat(timespec="seconds"),
            wall_s=round(time.monotonic() - self.began, 3),
        )

    @contextmanager
    def kept_on_error(self) -> Iterator[None]:
        """Turn an error or an interrupt in this block into a PartialComparison, if there is at least one result."""
        try:
            yield
        except (KeyboardInterrupt, TerminatedRun, WsproofError) as cause:
            if not self.results:
                raise
            raise PartialComparison(self.compared(self._cut_short()), cause) from cause

    def _cut_short(self) -> TrustWarning:
        """The trust warning of a comparison whose end is missing. It invalidates the verdict."""
        return TrustWarning(
            "cut-short",
            f"Only {len(self.results)} of {self.planned} {self.unit} were measured: the comparison ended early.",
            "Run it again and let it finish; --quick makes it shorter, or fewer --pairs (8 at least) with --apart.",
            invalidates=True,
        )
