"""Benchmark of one broadcast to 1, 10, 100 and 1,000 subscribers: `pytest --benchmark-only`.

For another target or other numbers, add such options as
`--ws-target shop.asgi:app --ws-channels shop.workloads --ws-subscribers 50,500`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsproof.pytest.fanout import Fanout


def test_broadcast_to_the_last_of(ws_fanout: Fanout, ws_subscribers: int) -> None:
    ws_fanout(ws_subscribers)
