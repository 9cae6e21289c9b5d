"""Tests of the table of state transitions."""

from __future__ import annotations

import pytest

from tests.wire.conversations import a_peer, an_open_peer, response_head
from wsproof.wire import MOVES, Frame, IllegalMove, Move, Opcode, Peer, State
from wsproof.wire.state import next_state

CLOSE_FRAME = Frame(Opcode.CLOSE, b"\x03\xe8").encode()


def a_peer_in(state: State) -> Peer:
    """Return a peer that reached `state` by legal transitions."""
    if state is State.CONNECTING:
        return a_peer()
    peer = an_open_peer(answer_close=False)
    if state is State.CLOSING:
        peer.send_frame(Frame(Opcode.CLOSE))
    if state is State.CLOSED:
        peer = a_peer()
        peer.receive_data(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    return peer


def make(peer: Peer, move: Move) -> None:
    """Carry out the transition."""
    if move is Move.ACCEPT:
        peer.receive_data(response_head())
    elif move is Move.REFUSE:
        peer.receive_data(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
    elif move is Move.SEND_CLOSE:
        peer.send_frame(Frame(Opcode.CLOSE, b"\x03\xe8"))
    elif move is Move.RECEIVE_CLOSE:
        peer.receive_data(CLOSE_FRAME)
    else:
        peer.receive_eof()


@pytest.mark.parametrize(("state", "move"), list(MOVES))
def test_every_transition_of_the_table_can_be_made(state: State, move: Move) -> None:
    peer = a_peer_in(state)
    assert peer.state is state
    make(peer, move)
    assert peer.state is MOVES[state, move]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("move", Move)
def test_an_event_outside_the_state_table_changes_nothing(state: State, move: Move) -> None:
    if (state, move) in MOVES:
        assert next_state(state, move) is MOVES[state, move]
        return
    with pytest.raises(IllegalMove, match=state.value):
        next_state(state, move)
    if move is Move.SEND_CLOSE or state is State.CLOSED:  # In other states, unexpected bytes are another violation.
        peer = a_peer_in(state)
        make(peer, move)
        assert peer.state is state


def test_every_state_can_be_reached_and_can_become_closed() -> None:
    reached = {State.CONNECTING} | set(MOVES.values())
    assert reached == set(State)
    assert {MOVES[state, Move.EOF] for state in State} == {State.CLOSED}


def test_no_transition_leads_to_an_earlier_state() -> None:
    order = list(State)
    assert all(order.index(after) >= order.index(before) for (before, _), after in MOVES.items())
    assert {MOVES[state, move] for state, move in MOVES if move in (Move.SEND_CLOSE, Move.RECEIVE_CLOSE)} == {
        State.CLOSING
    }
