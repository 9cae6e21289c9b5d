"""Cache of received messages. A broadcast has the same bytes for every member, so it is parsed only once."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsproof.model.history import Damage, Kind, Receipts
from wsproof.workloads import Parsed, Workload
from wsproof.workloads.received import ReceivedPublication, publication_in

KNOWN_AT_MOST = 16_384
"""Capacity of the cache, in messages. A full cache is emptied."""
DAMAGE_AT_MOST = 100
"""Most damaged messages whose damage is kept."""


@dataclass(slots=True)
class ReceivedMessage:
    """A message from the server.

    `publisher`: a member of this process, or -1. `waiting`: the members that have not received the message yet.
    """

    number: int
    """The row in the table of messages; -1 if its receipts are not kept."""
    parsed: Parsed
    size_bytes: int
    kind: Kind | None
    """DELIVERY or REPLY of one of our publications, else None."""
    publisher: int
    sequence: int
    intended_ns: int
    intact: bool
    is_foreign: bool
    """Whether another process or an earlier test published it, so that this run does not check it."""
    text: str | bytes = ""
    """The message. Empty for one of our publications that needs no answer."""
    waiting: set[int] | None = None
    sent_ns: int = -1
    """The send time of the publication, in ns; -1 if the message is not an intact publication of ours."""


class MessageCache:
    """The messages of a workload run by the bytes of their frames, and all receipts.

    Equal bytes have equal checksums, so a cache hit is as strong as verifying the receipt again. `keeps_foreign`: the
    receipts of messages of other publishers are kept, too, for a master that judges several processes together.
    `of_this_test`: the ids of all processes of this test, counted from `first_publisher`.
    """

    def __init__(
        self,
        workload: Workload,
        first_publisher: int,
        members: Callable[[], int],
        *,
        keeps_foreign: bool = False,
        of_this_test: range = range(0),
    ) -> None:
        self.workload = workload
        self.first_publisher = first_publisher
        self.known: dict[bytes, ReceivedMessage] = {}
        self._others: dict[bytes, tuple[ReceivedMessage, ...]] = {}
        """The messages of frames that hold several, or that each member must answer. They are not in `known`, so the
        hot path never sees them."""
        self._parts: dict[str | bytes, ReceivedMessage] = {}
        """Messages that came in one frame with others, or while a member joined."""
        self.damage: list[Damage] = []
        """The damage of the first DAMAGE_AT_MOST damaged messages."""
        self._has_split = workload.has_split
        self._keeps_foreign = keeps_foreign
        self._of_this_test = of_this_test
        self._members = members
        self._table = array("q")
        self._rows = array("q")
        self.received = self._rows.extend
        """`received((member, message number, at_ns))`: the hot path."""

    def learn(self, member: int, frame: bytes, payload: bytes, is_text: bool) -> tuple[ReceivedMessage, ...]:
        """Parse a frame that is not in `known`, and add its messages.

        Raises:
            UnicodeDecodeError: a text message is not UTF-8.
        """
        messages = self._others.get(frame)
        if messages is not None:
            return messages
        text = payload.decode() if is_text else payload
        if self._has_split:
            messages = tuple(self.message_of(member, part) for part in self.workload.parts_of(text))
        else:
            messages = (self._read(member, text),)
        self._make_space()
        if len(messages) == 1 and not messages[0].parsed.needs_answer:
            self.known[frame] = messages[0]
        else:
            self._others[frame] = messages
        return messages

    def message_of(self, member: int, text: str | bytes) -> ReceivedMessage:
        """Parse a message that may have come in one frame with others."""
        message = self._parts.get(text)
        if message is None:
            message = self._read(member, text)
            self._make_space()
            self._parts[text] = message
        return message

    def _make_space(self) -> None:
        if len(self.known) + len(self._others) + len(self._parts) >= KNOWN_AT_MOST:
            for cache in (self.known, self._others, self._parts):
                cache.clear()

    def _read(self, member: int, text: str | bytes) -> ReceivedMessage:
        size_bytes = len(text.encode(errors="surrogatepass")) if isinstance(text, str) else len(text)
        message = self._understand(self.workload.read(member, text), size_bytes)
        if message.kind is None or message.parsed.needs_answer:
            message.text = text
        return message

    def _understand(self, parsed: Parsed, size_bytes: int) -> ReceivedMessage:
        publication = publication_in(parsed, self.first_publisher, self._is_foreign, self.workload.name_of)
        if publication is None:
            return ReceivedMessage(-1, parsed, size_bytes, None, -1, 0, 0, False, False)
        if publication.is_foreign:
            number = self._row(publication) if self._keeps_foreign else -1
            return ReceivedMessage(number, parsed, size_bytes, None, -1, 0, 0, True, True)
        damage = publication.damage
        if damage is not None and len(self.damage) < DAMAGE_AT_MOST:
            self.damage.append(damage)
        return ReceivedMessage(
            self._row(publication),
            parsed,
            size_bytes,
            publication.kind,
            publication.publisher,
            publication.sequence,
            publication.intended_ns,
            damage is None,
            False,
        )

    def _is_foreign(self, publisher: int) -> bool:
        """Whether a publisher is no member of this process."""
        return not 0 <= publisher < self._members()

    def _row(self, publication: ReceivedPublication) -> int:
        """Add a message to the table, and return its number."""
        self._table.extend(
            (
                publication.publisher,
                publication.sequence,
                publication.intended_ns,
                publication.kind,
                publication.damage is None,
            )
        )
        return len(self._table) // 5 - 1

    def receipts_since(self, row: int) -> tuple[list[list[int]], int]:
        """Receipts of the test's publications from the row on, and the next row.

        A receipt is a row of member, publisher, sequence, kind and intact.
        """
        rows = np.array(self._rows[3 * row :], dtype=np.int64).reshape(-1, 3)
        rows_of_messages = self._table_rows()[rows[:, 1]] if len(rows) else np.zeros((0, 5), np.int64)
        columns = np.column_stack(
            [rows[:, 0], rows_of_messages[:, 0], rows_of_messages[:, 1], rows_of_messages[:, 3], rows_of_messages[:, 4]]
        )
        if self._keeps_foreign:
            in_test, publisher, intact = self._of_this_test, columns[:, 1], columns[:, 4]
            own = (publisher >= 0) & (publisher < self._members())
            columns = columns[(intact == 0) | own | ((publisher >= in_test.start) & (publisher < in_test.stop))]
        return columns.tolist(), row + len(rows)

    def receipts(self) -> Receipts:
        """All receipts that are kept, in the order of reading."""
        member, number, received_ns = np.array(self._rows, dtype=np.int64).reshape(-1, 3).T
        publisher, sequence, intended_ns, kind, intact = self._table_rows()[number].T
        return Receipts(member, publisher, sequence, intended_ns, received_ns, kind, intact)

    def _table_rows(self) -> NDArray[np.int64]:
        """The table of messages, not copied: it cannot grow while the result is kept."""
        return np.asarray(self._table, dtype=np.int64).reshape(-1, 5)
