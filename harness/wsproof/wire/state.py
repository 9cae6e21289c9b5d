"""The life of a connection as a table.

Theory. A connection is one value of `State`, and it changes only by a `Move`: something that one of the two sides did.
What is not in `MOVES` cannot happen (an `IllegalMove`, a bug of ours); what a server must not do is not an illegal move
but a breach, because a tester has to live through it. The names are those of RFC 6455: CONNECTING until the server
answered (4.1), OPEN between 101 and the first close frame of either side, CLOSING from then on (7.1.3), CLOSED when
TCP is gone (7.1.4) or there is nothing to wait for after a refusal. Who sent which close frame is not part of the state
(it would double it for no rule): `Peer.close_sent` and `Peer.close_received` keep it.

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
    """Where a connection is (RFC 6455 4.1, 7.1)."""

    CONNECTING = "connecting"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


class Move(Enum):
    """What changes the state."""

    ACCEPT = "the server answered 101"
    REFUSE = "the server answered something else, and said all of it"
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
    # TCP still ends after a refusal, once.
    (State.CLOSED, Move.EOF): State.CLOSED,
}


class IllegalMove(ValueError):
    """Our own side did something that this state does not know."""


def next_state(state: State, move: Move) -> State:
    """Return the state after `move`; IllegalMove if there is none."""
    try:
        return MOVES[state, move]
    except KeyError:
        raise IllegalMove(f"nothing follows from '{move.value}' while {state.value}") from None
