from __future__ import annotations

import asyncio

import pytest
from websockets.frames import Frame, Opcode

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


SMALL = 1 + ENTRY_OVERHEAD_BYTES


def drained(outbox: Outbox) -> list[str | bytes]:
    left = []
    while (message := outbox.take()) is not None:
        left.append(message.data)
    return left


@pytest.mark.parametrize(
    ("overflow", "taken", "left"),
    [
        (Overflow.DROP_PEER, [True, True, True, False, False], ["a", "b", "c"]),
        (Overflow.LATEST_WINS, [True] * 5, ["e"]),
        (Overflow.DROP_OLDEST, [True] * 5, ["c", "d", "e"]),
    ],
)
def test_each_overflow_policy_keeps_its_promise(overflow: Overflow, taken: list[bool], left: list[str]) -> None:
    outbox = Outbox(3 * SMALL, overflow)
    assert [outbox.put(Outgoing.of(text)) for text in "abcde"] == taken
    assert outbox.skipped == (0 if overflow is Overflow.DROP_PEER else 5 - len(left))
    assert drained(outbox) == left
    assert outbox.waiting_bytes == 0


@pytest.mark.parametrize("overflow", Overflow)
def test_a_keyed_message_replaces_only_the_one_with_its_key(overflow: Overflow) -> None:
    outbox = Outbox(100 * SMALL, overflow)
    for text, key in (("1", "ann"), ("2", "bob"), ("3", "ann"), ("4", "cid"), ("5", "bob")):
        assert outbox.put(Outgoing.of(text, key))
    assert outbox.waiting_bytes == 3 * SMALL
    assert drained(outbox) == ["3", "4", "5"]


def test_with_the_drop_policy_a_keyed_message_replaces_no_other() -> None:
    outbox = Outbox(100 * SMALL, Overflow.DROP_PEER)
    for text, key in (("said", None), ("here", "cursor"), ("more", None), ("there", "cursor")):
        outbox.put(Outgoing.of(text, key))
    assert drained(outbox) == ["said", "more", "there"]


def test_a_key_over_the_limit_evicts_the_oldest() -> None:
    outbox = Outbox(3 * SMALL, Overflow.LATEST_WINS)
    assert all(outbox.put(Outgoing.of(str(number), number)) for number in range(5))
    assert drained(outbox) == ["2", "3", "4"]


@pytest.mark.parametrize("overflow", Overflow)
def test_one_message_always_fits_into_an_empty_outbox(overflow: Overflow) -> None:
    assert Outbox(10, overflow).put(Outgoing.of("x" * 1_000))


def test_a_batch_stops_near_its_limit_and_the_rest_keeps_its_order() -> None:
    outbox = Outbox(100 * SMALL, Overflow.DROP_PEER)
    for text in "abcde":
        outbox.put(Outgoing.of(text))
    batches = [[message.data for message in outbox.take_batch(2 * SMALL)] for _ in range(4)]
    assert batches == [["a", "b"], ["c", "d"], ["e"], []]
    assert outbox.waiting_bytes == 0


@pytest.mark.parametrize("batched", [False, True])
def test_writers_resume_when_half_of_the_outbox_is_free(batched: bool) -> None:
    async def scenario() -> list[bool]:
        outbox = Outbox(4 * SMALL, Overflow.DROP_PEER)
        for text in "abcd":
            outbox.put(Outgoing.of(text))
        waiting = asyncio.create_task(outbox.wait_room())
        seen = []
        for _ in range(2):
            outbox.take_batch(1) if batched else outbox.take()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            seen.append(waiting.done())
        return seen

    assert asyncio.run(scenario()) == [False, True]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
@pytest.mark.parametrize("kind", [str, bytes])
def test_a_shared_frame_is_what_a_websocket_library_would_write(kind: type[str] | type[bytes], size: int) -> None:
    data: str | bytes = "x" * size if kind is str else b"\x00" * size
    opcode = Opcode.TEXT if kind is str else Opcode.BINARY
    payload = data.encode() if isinstance(data, str) else data
    assert Outgoing.of(data).frame == Frame(opcode, payload).serialize(mask=False)


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
