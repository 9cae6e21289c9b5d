"""How `wsproof init` recognises a channel: two clients connect to a path, send a text, and see who receives it."""

from __future__ import annotations

import json
import select
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from wsproof.model.contract import Audience
from wsproof.model.envelope import Envelope
from wsproof.net.client import Client
from wsproof.net.clock import Deadline, now_ns
from wsproof.net.endpoint import Endpoint
from wsproof.session.message_shape import MessageShape, shape_of
from wsproof.target.server import RunningServer
from wsproof.wire import BinaryMessage, State, TextMessage

FIRST_S = 1.0
"""Seconds to wait for the first delivery of a text. Most ways to publish are not understood, so this wait is short."""
ANSWER_S = 5.0
"""Seconds to wait for a handshake."""
SETTLE_S = 1.0
"""Seconds in which the other member must receive a text, once one of them has it."""
LEAVE_NOTICE_S = 0.3
"""Seconds to wait for a notice that a member has left."""


@dataclass(frozen=True)
class Publication:
    """One way to publish a text: as it is, as binary, or in a JSON object."""

    fields: Mapping[str, str] | None = None
    """The JSON object without the text; None for no JSON."""
    key: str = ""
    """The key of the text in the JSON object."""
    is_binary: bool = False

    def message(self, text: str) -> str | bytes:
        """The message that publishes this text."""
        if self.is_binary:
            return text.encode()
        return json.dumps({**self.fields, self.key: text}) if self.fields is not None else text


TRIED: tuple[Publication, ...] = (
    Publication(),
    *(Publication({}, key) for key in ("text", "message", "content", "data", "msg", "body")),
    Publication({"type": "message"}, "text"),
    Publication({"type": "message"}, "content"),
    Publication({"type": "chat"}, "message"),
    Publication(is_binary=True),
)
"""The ways to publish that are tried, in this order."""


@dataclass(frozen=True)
class RecognisedChannel:
    """The channel at one path, as far as it was recognised."""

    path: str
    """The path as the app's routes name it, such as `/ws/{client_id}`."""
    is_of_member: bool = False
    """Whether the parameter of the path is the member's own name, and not that of a room."""
    publication: Publication | None = None
    """The way to publish a text; None if none was found."""
    delivery: MessageShape | None = None
    """The shape of the message that brings a text to its audience."""
    reply: MessageShape | None = None
    """The shape of the reply to the publisher, if it differs."""
    audience: Audience = Audience.NOBODY
    has_other_messages: bool = False
    """Whether other messages came as well: greetings, or notices that a member joined or left."""
    is_broken: bool = False
    """Whether the server ended a connection unasked."""
    obstacle: str = ""
    """The reason why nothing was recognised, as a clause whose subject is the server."""


def recognise(server: RunningServer, path: str) -> RecognisedChannel:
    """Try to exchange a text at a path in each way of TRIED.

    If a message makes a server of ours end a connection, the server is restarted: it may no longer serve anybody.

    Raises:
        TargetError: nothing listens there.
    """
    obstacle = ""
    ways = (True, False) if "{" in path else (False,)
    for publication in TRIED:
        for is_of_member in ways:
            channel = _exchange(server.endpoint, path, publication, is_of_member=is_of_member)
            if channel.is_broken and server.owned:
                server.restart()
            if channel.delivery is not None and channel.delivery.after:
                obstacle = obstacle or "adds something after the text, which wsproof cannot tell from the text"
            elif channel.delivery is not None and (
                channel.audience is not Audience.PUBLISHER or is_of_member is ways[-1]
            ):
                return channel
            obstacle = obstacle or channel.obstacle
            if obstacle.startswith("refuses"):
                return RecognisedChannel(path, obstacle=obstacle)
    return RecognisedChannel(path, obstacle=obstacle or "delivers no text in any of the forms that wsproof tries")


def filled_path(path: str, value: str) -> str:
    """The path with a value in place of its parameters: `/ws/{client_id}` becomes `/ws/7`."""
    parts = [piece.partition("}")[2] if at else piece for at, piece in enumerate(path.split("{"))]
    return value.join(parts)


def _exchange(endpoint: Endpoint, path: str, publication: Publication, *, is_of_member: bool) -> RecognisedChannel:
    """Connect two members, let both send a text, and return what that shows of the channel."""
    with ExitStack() as stack:
        members = []
        for number in (1, 2):
            place = endpoint.channel(filled_path(path, str(number if is_of_member else 1)))
            client = stack.enter_context(Client(place, deadline_s=ANSWER_S))
            response = client.open()
            if client.peer.state is not State.OPEN:
                return RecognisedChannel(path, obstacle=f"refuses a client with {response.describe()}")
            members.append(client)
        texts = []
        for number, speaker in enumerate(members, 1):
            texts.append(text := Envelope(number, 0, now_ns()).seal("hello from wsproof init"))
            message = publication.message(text)
            _ = speaker.send_text(message) if isinstance(message, str) else speaker.send_binary(message)
            if not _receive_until(members, lambda: any(_shapes(each, text) for each in members), FIRST_S):
                break
            _receive_until(members, lambda: all(_shapes(each, text) for each in members), SETTLE_S)
        is_broken = any(each.ended for each in members)
        members[0].close(deadline_s=ANSWER_S)
        _receive_until(members[1:], lambda: False, LEAVE_NOTICE_S)
        channel = recognised_from(
            path, publication, [_messages(each) for each in members], texts, is_of_member=is_of_member
        )
        return (
            channel
            if channel.delivery is not None
            else replace(channel, is_broken=is_broken, obstacle=_reaction(members))
        )


def recognised_from(
    path: str,
    publication: Publication,
    received: Sequence[Sequence[str | bytes]],
    texts: Sequence[str],
    *,
    is_of_member: bool,
) -> RecognisedChannel:
    """The channel in which member i sent `texts[i]` and received the messages `received[i]`."""
    own: list[MessageShape] = []
    from_others: list[MessageShape] = []
    others = 0
    for member, messages in enumerate(received):
        for message in messages:
            shapes = {at: shape for at, text in enumerate(texts) if (shape := shape_of(message, text)) is not None}
            others += not shapes
            for at, shape in shapes.items():
                (own if at == member else from_others).append(shape)
    delivered = {_form(shape) for shape in from_others}
    replies = [shape for shape in own if _form(shape) not in delivered]
    channel = RecognisedChannel(path, is_of_member, has_other_messages=others > 0)
    if not own and not from_others:
        return channel
    if not from_others:
        return replace(channel, publication=publication, delivery=own[0], audience=Audience.PUBLISHER)
    is_for_all = any(_form(shape) in delivered for shape in own)
    return replace(
        channel,
        publication=publication,
        delivery=from_others[0],
        reply=replies[0] if replies else None,
        audience=Audience.EVERYONE if is_for_all else Audience.OTHERS,
    )


def _form(shape: MessageShape) -> tuple[object, ...]:
    """The shape with its digits masked, since numbers differ between members."""
    words = "".join("#" if char.isdigit() else char for char in shape.before)
    return shape.keys, shape.tag, shape.is_binary, words


def _receive_until(members: Sequence[Client], done: Callable[[], bool], wait_s: float) -> bool:
    """Let all members receive until `done()` is true. False if that takes longer than `wait_s`."""
    deadline = Deadline.after(wait_s)
    while not done():
        connected = [each for each in members if not each.ended]
        if deadline.passed or not connected:
            return False
        poll = select.poll()
        for each in connected:
            poll.register(each, select.POLLIN)
        poll.poll(deadline.remaining_s * 1000)
        for each in connected:
            each.receive_nowait()
    return True


def _messages(client: Client) -> list[str | bytes]:
    """All messages that a client has received."""
    messages = [event for event in client.events if isinstance(event, TextMessage | BinaryMessage)]
    return [each.text if isinstance(each, TextMessage) else each.data for each in messages]


def _shapes(client: Client, text: str) -> list[MessageShape]:
    return [shape for message in _messages(client) if (shape := shape_of(message, text)) is not None]


def _reaction(members: list[Client]) -> str:
    """The server's reaction to texts that it did not deliver, as a clause; empty if there was none."""
    close = next((each.peer.close_received for each in members if each.peer.close_received is not None), None)
    if close is not None and close[0] not in (None, 1000):
        return f"closes the connection with code {close[0]}{f' ({close[1]})' if close[1] else ''}"
    return ""
