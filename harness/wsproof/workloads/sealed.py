"""A further check of an envelope that a workload has found."""

from __future__ import annotations

from dataclasses import replace

from wsproof.model.envelope import Opened


def undamaged(opened: Opened | None, body_at: int) -> Opened | None:
    """The same envelope, marked damaged unless the body begins at byte `body_at`, right after the server's prefix.

    The checksum covers only what the publisher sent. Without this check, extra text between prefix and body would go
    unnoticed.
    """
    if opened is None or not opened.intact or opened.start == body_at:
        return opened
    return replace(opened, intact=False)
