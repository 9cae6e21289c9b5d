"""What a workload may believe of an envelope that it found."""

from __future__ import annotations

from dataclasses import replace

from wsproof.model.envelope import Opened


def undamaged(opened: Opened | None, body_at: int) -> Opened | None:
    """The same envelope, intact only if the body begins at byte `body_at`, right behind the server's own words.

    The checksum covers what the publisher said, not what stands in front of it: words that the server put in between
    would otherwise go unseen.
    """
    if opened is None or not opened.intact or opened.start == body_at:
        return opened
    return replace(opened, intact=False)
