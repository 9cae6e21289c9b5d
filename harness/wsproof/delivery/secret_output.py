"""Finds credentials of members in the output of the server."""

from __future__ import annotations

from collections.abc import Iterable

from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.target.output_tail import OutputWatch

SHOWN = 3
"""Lines of the output that the finding shows."""
CHECK = "secret-in-output"
"""The name of the check."""


def secrets_in_output(watch: OutputWatch, credentials: Iterable[str], channel: str) -> list[Finding]:
    """One finding if the server wrote a credential while `watch` looked; the lines are shown redacted."""
    lines = watch.lines_with(credentials)
    if not lines:
        return []
    told = (
        "The server writes credentials of its members into its own output, where everybody who may read its logs finds "
        f"them: {len(lines)} line(s) hold one, shown here without it. Log the path without its query, or send the "
        "token in a header or in the first message."
    )
    witness = tuple(f"the server wrote: {line}" for line in lines[:SHOWN])
    return [
        Finding(CHECK, channel, Anomaly.SECRET_LOGGED, Level.VIOLATION, told, witness, occurrences=len(lines)),
    ]
