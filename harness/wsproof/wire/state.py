"""Connection states and their transitions, as a table.

A connection has one `State`, and changes it only by a `Move`: an action of one of the two sides. A move that is not in
`MOVES` is impossible: it raises `IllegalMove`, which is a bug of ours. A forbidden action of a server is a breach and
not an illegal move, because a tester must go on after it.

The names are those of RFC 6455. A connection is CONNECTING until the server has answered (4.1). It is OPEN between the
101 and the first close frame of either side, and CLOSING from then on (7.1.3). It is CLOSED when TCP has ended (7.1.4),
or when nothing more is expected after a refusal. The state does not say which side sent a close frame: that would
double the states without helping any rule. `Peer.close_sent` and `Peer.close_received` keep it.

            ACCEPT           SEND_CLOSE, RECEIVE_CLOSE          EOF
CONNECTING --------> OPEN --------------------------> CLOSING ------> CLOSED
    |                  |                                                ^
    |                  +------------------- EOF ------------------------+
    +------------------------ REFUSE, EOF ------------------------------+
"""

from __future__ import annotations

from enum import Enum

__all__ = ["MOVES", "IllegalMove", "Move", "State", "next_state"]


class State(Enum):
    """The state of a connection (RFC 6455 4.1, 7.1)."""

    CONNECTING = "connecting"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


class Move(Enum):
    """An event that changes the state. The value describes it."""

    ACCEPT = "the server answered 101"
    REFUSE = "the server refused, and its whole response has arrived"
    SEND_CLOSE = "we sent a close frame"
    RECEIVE_CLOSE = "the server sent a close frame"
    EOF = "the server ended TCP"


MOVES: dict[tuple[State, Move], State] = {
    (State.CONNECTING, Move.ACCEPT): State.OPEN,
    (State.CONNECTING, Move.REFUSE): State.CLOSED,
    (State.CONNECTING, Move.EOF): State.CLOSED,
    (State.OPEN, Move.SEND_CLOSE): State.CLOSING,
    (State.OPEN, Move.RECEIVE_CLOSE): State.CLOSING,
    (State.OPEN, Move.EOF): State.CLOSED,
    (State.CLOSING, Move.SEND_CLOSE): State.CLOSING,
    (State.CLOSING, Move.RECEIVE_CLOSE): State.CLOSING,
    (State.CLOSING, Move.EOF): State.CLOSED,
    # TCP also ends after a refusal, once.
    (State.CLOSED, Move.EOF): State.CLOSED,
}


class IllegalMove(ValueError):
    """Our own side made a move that its state does not allow."""


def next_state(state: State, move: Move) -> State:
    """Return the state after `move`. Raises IllegalMove if the table has none."""
    try:
        return MOVES[state, move]
    except KeyError:
        raise IllegalMove(f"'{move.value}' is impossible in the state {state.value}") from None
