"""Divides each iteration of the event loop among the connections that have data.

libev calls all ready connections before it does anything else. If all are full, timers and other greenlets would wait
for as many reads as there are connections. So one iteration handles a limited number of messages, and the connections
that have not read yet come first in the next.
"""

from __future__ import annotations

import gevent

MESSAGES_PER_ITERATION = 2_000
"""Messages that all connections together handle in one iteration of the event loop, plus those of one read.

Measured with full connections, and 5 us to handle a message of 120 bytes, on a busy machine: a timer waited for at most
0.06 s with 300 and 0.09 s with 1,000 connections. Without this limit it was 0.9 and 3.8 s.
"""
MESSAGES_OF_A_READ = 10
"""What a read costs besides its messages, in messages."""


class ReadingTurns:
    """The rounds in which connections read. In each round, a connection reads once, in as many iterations as needed.

    Without a backlog, each iteration is a round of its own.
    """

    def __init__(self, messages: int = MESSAGES_PER_ITERATION) -> None:
        self.round = 0
        """The number of the current round."""
        self._messages = messages
        self._left = 0
        """The messages that may still be handled in the current iteration."""
        self._iteration = -1
        self._is_round_open = False
        """Whether a connection could not read in the current iteration, and comes first in the next."""

    def may_read(self, latest_round: int) -> bool:
        """Whether a connection may read now. `latest_round`: the round of its latest read."""
        iteration = gevent.get_hub().loop.iteration
        if iteration != self._iteration:
            self._iteration, self._left = iteration, self._messages
            if not self._is_round_open:
                self.round += 1
            self._is_round_open = False
        if latest_round == self.round:
            return False
        if self._left <= 0:
            self._is_round_open = True
            return False
        return True

    def has_read(self, messages: int) -> None:
        """Count a read and its messages."""
        self._left -= MESSAGES_OF_A_READ + messages
