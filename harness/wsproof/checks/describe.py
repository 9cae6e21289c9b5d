"""Renders parts of a history as text, for use as evidence."""

from __future__ import annotations

from dataclasses import dataclass

from wsproof.model.history import Departure, History, Kind, UnexpectedMessage

DEPARTURES = {
    Departure.STAYED: "stayed",
    Departure.CLOSED: "left with a close frame",
    Departure.FIN: "left by ending TCP (FIN)",
    Departure.RESET: "left by a TCP reset",
    Departure.DROPPED: "was disconnected by the server",
    Departure.REFUSED: "was refused",
}
"""The end of a member's connection, as a phrase."""
SHORT = 120
"""Longest text that is shown in full, in characters."""


@dataclass(frozen=True)
class Describer:
    """Renders the members, publications and times of one history. Times count from its first event."""

    history: History

    def who(self, number: int) -> str:
        """A member, with the name that the server uses for it."""
        name = self.history.name_of(number)
        return f"member {number}" if name in ("", str(number)) else f"member {number} (called {shortened(name, 40)})"

    def when(self, at_ns: int) -> str:
        """A time in ms since the first event."""
        return f"{(at_ns - self.start_ns) / 1e6:+.1f} ms"

    def what(self, publisher: int, sequence: int) -> str:
        """A publication, by its publisher and sequence number."""
        return f"message {sequence} of {self.who(publisher)}"

    def publication(self, row: int) -> str:
        """A row of the publications as one line."""
        sent = self.history.publications
        words = self.what(int(sent.publisher[row]), int(sent.sequence[row]))
        return f"{self.when(int(sent.sent_ns[row]))}  {self.who(int(sent.publisher[row]))} sends {words}"

    def receipt(self, row: int) -> str:
        """A row of the receipts as one line."""
        receipts = self.history.receipts
        publication = self.what(int(receipts.publisher[row]), int(receipts.sequence[row]))
        reply = "the reply to " if receipts.kind[row] == Kind.REPLY else ""
        when, reader = self.when(int(receipts.received_ns[row])), self.who(int(receipts.subscriber[row]))
        return f"{when}  {reader} receives {reply}{publication}"

    def unexpected(self, message: UnexpectedMessage) -> str:
        """A message that the workload cannot classify, as one line."""
        return f"{self.when(message.received_ns)}  {self.who(message.subscriber)} receives {shortened(message.text)}"

    def arrival(self, number: int) -> str:
        """The join and leave of a member, as one line."""
        member = self.history.members[number]
        joined = f"in since {self.when(member.in_ns)}" if member.in_ns else "never received anything"
        by = f"left by {member.left_by}" if member.left_by else DEPARTURES[member.departure]
        left = by + (f" at {self.when(member.left_ns)}" if member.left_ns else "")
        code = f", close code {member.close_code}" if member.close_code is not None else ""
        misbehaviour = (
            f"; it sent {member.misbehaviour}"
            if member.misbehaviour
            else "; it stopped reading"
            if member.stalled
            else ""
        )
        return f"{self.who(number)}: {joined}, {left}{code}{misbehaviour}"

    @property
    def start_ns(self) -> int:
        """Time of the first connection or publication."""
        times = [m.connected_ns or m.in_ns for m in self.history.members if m.connected_ns or m.in_ns]
        sent = self.history.publications.sent_ns
        return min([*times, *sent[sent > 0].tolist()], default=0)


def shortened(text: str, length: int = SHORT) -> str:
    """A text as a literal on one line; a long text is cut in the middle."""
    words = ascii(text)
    return words if len(words) <= length else f"{words[: length // 2]}…{words[-length // 2 :]} ({len(text)} characters)"
