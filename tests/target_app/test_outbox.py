from __future__ import annotations

import asyncio

from target_app.hub import Hub
from target_app.outbox import ENTRY_OVERHEAD_BYTES, Outbox, Outgoing, Overflow


class Listener:
    def __init__(self) -> None:
        self.heard: list[str | bytes] = []

    def deliver(self, message: Outgoing) -> None:
        self.heard.append(message.data)


def test_the_cost_of_a_message_is_counted_in_bytes_and_not_in_characters() -> None:
    assert Outgoing.of("é☃𝄞").cost_bytes == 9 + ENTRY_OVERHEAD_BYTES
    assert Outgoing.of("abc").cost_bytes == Outgoing.of(b"abc").cost_bytes == 3 + ENTRY_OVERHEAD_BYTES


async def _fill(overflow: Overflow) -> tuple[list[bool], list[str | bytes]]:
    outbox = Outbox(3 * (1 + ENTRY_OVERHEAD_BYTES), overflow)
    taken = [outbox.put_nowait(Outgoing.of(text)) for text in "abcde"]
    outbox.close()
    left = []
    while (message := await outbox.get()) is not None:
        left.append(message.data)
    return taken, left


def test_what_does_not_fit_is_refused_and_the_rest_is_kept_in_order() -> None:
    assert asyncio.run(_fill(Overflow.DROP_PEER)) == ([True, True, True, False, False], ["a", "b", "c"])


def test_where_the_latest_wins_only_the_latest_is_kept() -> None:
    assert asyncio.run(_fill(Overflow.LATEST_WINS)) == ([True] * 5, ["e"])


def test_one_message_always_fits_into_an_empty_outbox() -> None:
    async def put() -> bool:
        return Outbox(10, Overflow.DROP_PEER).put_nowait(Outgoing.of("x" * 1_000))

    assert asyncio.run(put())


def test_room_comes_back_when_half_is_gone() -> None:
    async def story() -> list[bool]:
        outbox = Outbox(4 * (1 + ENTRY_OVERHEAD_BYTES), Overflow.DROP_PEER)
        for text in "abcd":
            outbox.put_nowait(Outgoing.of(text))
        waiting = asyncio.create_task(outbox.wait_room())
        seen = []
        for _ in range(2):
            await outbox.get()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            seen.append(waiting.done())
        return seen

    assert asyncio.run(story()) == [False, True]


def test_the_hub_reaches_the_subscribers_of_that_channel_and_forgets_those_who_left() -> None:
    hub, first, second = Hub(), Listener(), Listener()
    with hub.subscription("news", first):
        with hub.subscription("news", second), hub.subscription("sports", second):
            hub.publish("news", "one")
            assert hub.subscribers("news") == 2
        hub.publish("news", "two")
        hub.publish("sports", "three")
    hub.publish("news", "four")
    assert (first.heard, second.heard) == (["one", "two"], ["one"])
    assert hub.subscribers("news") == hub.subscribers("sports") == 0
