"""The report of `wsproof doctor` on a target: the server that runs it, and the messages that it accepts."""

from __future__ import annotations

from collections.abc import Mapping

from wsproof.deviations import shipped_names
from wsproof.errors import TargetError
from wsproof.net.client import Client
from wsproof.net.endpoint import Endpoint
from wsproof.session.machine_report import DoctorRow
from wsproof.target.server import RunningServer
from wsproof.wire import BinaryMessage, State, TextMessage
from wsproof.wire.handshake import Response

ANSWER_S = 0.8
"""Seconds in which the target may answer each message. The whole report should take at most 5 s."""
TRIED: Mapping[str, str | bytes] = {"text": "hello", "JSON": '{"type": "ping"}', "binary": b"\x00\x01"}
"""The messages that are tried, each on a connection of its own."""
LOGIN_STATUSES = (401, 403, 407)
LOGIN_CODES = (1008, 3000, 4001, 4401, 4403)
"""Close codes that servers usually send to a client that must log in first."""


def target_rows(server: RunningServer, path: str) -> list[DoctorRow]:
    """The report on a running target at this path."""
    endpoint = server.endpoint.channel(path)
    client = Client(endpoint)
    with client:
        try:
            response = client.open()
        except TargetError as error:
            return [DoctorRow("handshake", "no answer", str(error))]
        rows = [DoctorRow("target", f"{server.describe()['spec']} at {path}"), server_row(server.name, response)]
        if client.peer.state is not State.OPEN:
            return [*rows, handshake_row(response)]
    return [*rows, handshake_row(response), *(_message_row(endpoint, kind) for kind in TRIED)]


def server_row(name: str, response: Response) -> DoctorRow:
    """The row with the server library, as far as it is known."""
    if name not in ("url", "command"):
        return DoctorRow("server", f"{name}, started by wsproof; its known deviations do not count")
    name_sent = response.header("Server")
    hint = next((each for each in shipped_names() if name_sent and name_sent.lower().startswith(each)), None)
    if hint is not None:
        advice = f"add --server-hint {hint}, so that its known deviations do not count"
        return DoctorRow("server", f"sends Server: {name_sent}", advice)
    value = f"sends Server: {name_sent}" if name_sent else "sends no Server header"
    return DoctorRow("server", value, "if you know its library: --server-hint NAME (`wsproof list servers`)")


def handshake_row(response: Response) -> DoctorRow:
    """The row that says whether the handshake is accepted."""
    if response.status == 101:
        return DoctorRow("handshake", "accepted")
    advice = "is the path right? --path /ws"
    if response.status in LOGIN_STATUSES:
        advice = "a login may be needed: --token, --header, --subprotocol or --origin"
    return DoctorRow("handshake", f"refused: {response.describe()}", advice)


def message_row(kind: str, *, answer: bool, close: tuple[int | None, str] | None, ended: bool) -> DoctorRow:
    """The row with the target's reaction to one kind of message."""
    if close is not None:
        code = "no code" if close[0] is None else f"code {close[0]}"
        reaction = f"closes with {code}{f' ({close[1]})' if close[1] else ''}"
        if close[0] in LOGIN_CODES:
            return DoctorRow(kind, reaction, "a login may be needed: --login TEXT, or --token")
        example = "hex:00ff" if kind == "binary" else "'...'"
        return DoctorRow(kind, reaction, f"give a message that the endpoint accepts: --sample {example}")
    if ended:
        return DoctorRow(kind, "ends the connection without a close frame", "see its log: an exception is likely")
    return DoctorRow(kind, "answered" if answer else "accepted, and not answered")


def _message_row(endpoint: Endpoint, kind: str) -> DoctorRow:
    message = TRIED[kind]
    with Client(endpoint) as client:
        client.open()
        _ = client.send_text(message) if isinstance(message, str) else client.send_binary(message)
        answer = client.wait_event(lambda event: isinstance(event, TextMessage | BinaryMessage), ANSWER_S)
        client.wait_end(0.1)
        is_answered = answer is not None
        return message_row(kind, answer=is_answered, close=client.peer.close_received, ended=client.ended)
