"""Unrequested exits of a server's process."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from wsproof.model.chapter import Chapter, Harm, RuleKind
from wsproof.model.finding import Anomaly, Finding, Level

__all__ = ["PROCESS_ENDED", "ServerEnd", "end_findings"]

PROCESS_ENDED = "process-ended"
"""The rule: the server's process keeps running, whatever a client does."""


@dataclass(frozen=True, slots=True)
class ServerEnd:
    """An exit of a process that we had not stopped. `code` is 128 + n after signal n."""

    code: int
    output: tuple[str, ...] = ()
    """The last exception of the server, or its last lines."""

    @property
    def how(self) -> str:
        """`code 1`, or `signal 6 (SIGABRT)`."""
        if self.code > 128:
            try:
                number = signal.Signals(self.code - 128)
            except ValueError:
                return f"code {self.code}"
            return f"signal {number.value} ({number.name})"
        return f"code {self.code}"

    @property
    def sentence(self) -> str:
        """`the server's process ended with code 1; its last line: ...`."""
        line = next((text.strip() for text in reversed(self.output) if text.strip()), "")
        return f"the server's process ended with {self.how}" + (f"; its last line: {line}" if line else "")


def end_findings(ends: tuple[ServerEnd, ...]) -> tuple[Finding, ...]:
    """Return one finding per kind of exit of the server's process."""
    kinds: dict[str, list[ServerEnd]] = {}
    for end in ends:
        kinds.setdefault(end.sentence, []).append(end)
    return tuple(
        Finding(
            PROCESS_ENDED,
            "liveness",
            Anomaly.PROTOCOL,
            Level.VIOLATION,
            sentence[0].upper() + sentence[1:] + ("" if sentence.endswith(".") else "."),
            occurrences=len(same),
            server_output=same[0].output,
            rule_harm=Harm.PROCESS_DIED,
            chapter=Chapter.ROBUSTNESS,
            kind=RuleKind.SERVICE,
        )
        for sentence, same in kinds.items()
    )
