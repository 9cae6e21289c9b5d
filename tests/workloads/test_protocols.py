"""Tests of the included protocols: packets, and verdicts on correct servers and on planted faults.

Socket.IO is tested with python-socketio, a real server. The others are tested with small servers in this folder.
"""

from __future__ import annotations

import json

import pytest

from tests.delivery.planting import PATIENT_S
from wsproof import Envelope, Finding, MessageKind, UsageError, Verdict, Workload
from wsproof.delivery import run_suite
from wsproof.model.finding import Anomaly
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.target.server import serve
from wsproof.target.target import parse_target
from wsproof.workloads import Conversation, load_channels

ENVELOPE = Envelope(3, 1, 5)
SIO, OURS = "tests.workloads.apps.socketio_chat:app", "tests.workloads.apps.protocols:app"
PATHS = {
    "socketio": "/socket.io/?EIO=4&transport=websocket",
    "graphql-ws": "/graphql",
    "mqtt": "/mqtt",
    "phoenix": "/socket/websocket",
}
OPTIONS = SuiteOptions(examples=2, deadline_s=2.0)


def workload(name: str, **settings: str) -> Workload:
    (loaded,) = load_channels(name, {f"{name}.{key}": value for key, value in settings.items()}).values()
    return loaded


def publication_by(channel: Workload, body: str) -> str | bytes:
    """Return the message that member 0 sends to publish `body`."""
    message = channel.publish(0, ENVELOPE, body)
    assert isinstance(message, str | bytes)
    return message


def check(name: str, fault: str, **settings: str) -> SuiteReport:
    target = parse_target(SIO if name == "socketio" else OURS, path=PATHS[name], env=[f"FAULT={fault}"])
    options = OPTIONS if fault else OPTIONS.but(deadline_s=PATIENT_S)
    with serve(target) as server:
        return run_suite(server, {name: workload(name, **settings)}, options.but(only=(f"{name}.delivery",)))


@pytest.mark.parametrize(
    ("name", "settings"), [("socketio", {}), ("graphql-ws", {}), ("mqtt", {}), ("mqtt", {"qos": "1"}), ("phoenix", {})]
)
def test_a_correct_server_passes(name: str, settings: dict[str, str]) -> None:
    report = check(name, "", **settings)
    assert report.findings == ()
    assert report.verdict() is Verdict.VALID


@pytest.mark.parametrize(
    ("name", "fault", "anomaly"),
    [
        ("socketio", "forgets", Anomaly.LOST),
        pytest.param("graphql-ws", "forgets", Anomaly.LOST, marks=pytest.mark.slow),
        ("mqtt", "forgets", Anomaly.LOST),
        pytest.param("mqtt", "leaks", Anomaly.MISROUTED, marks=pytest.mark.slow),
        pytest.param("phoenix", "forgets", Anomaly.LOST, marks=pytest.mark.slow),
        ("phoenix", "leaks", Anomaly.MISROUTED),
    ],
)
def test_a_planted_fault_is_found(name: str, fault: str, anomaly: Anomaly) -> None:
    report = check(name, fault)
    assert report.verdict() is Verdict.INVALID
    assert anomaly in {finding.anomaly for finding in report.findings}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("socketio", "the server refused the member"),
        ("graphql-ws", "before it answered `connection_init`, with close code 4403"),
        ("mqtt", "the server refused the member: SUBACK"),
        ("phoenix", "the server refused the member: ["),
    ],
)
def test_a_server_that_refuses_all_joins_is_unknown(name: str, words: str) -> None:
    report = check(name, "refuses")
    assert report.verdict() is Verdict.UNKNOWN
    (finding,) = report.findings
    assert isinstance(finding, Finding)
    assert words in finding.explanation


class TestSocketIo:
    def test_a_member_joins_the_namespace_after_the_session(self) -> None:
        talk = Conversation(workload("socketio", namespace="/chat", auth='{"token": "t"}'), 0)
        assert talk.start(0) == ()
        assert talk.receive('0{"sid":"x"}', 0).messages == ('40/chat,{"token": "t"}',)
        assert not talk.receive('40{"sid":"y"}', 0).is_awaited, "the message belongs to another namespace"
        assert talk.receive('40/chat,{"sid":"y"}', 0).is_awaited
        assert talk.is_joined

    def test_events_acknowledgements_and_heartbeats_are_distinguished(self) -> None:
        sio = workload("socketio")
        message = publication_by(sio, "hello")
        assert sio.read(0, message).kind is MessageKind.DELIVERY
        wrapped = "42" + json.dumps(["chat message", {"who": "x", "data": {"text": ENVELOPE.seal("hello")}}])
        assert sio.read(0, wrapped).envelope is not None
        assert sio.read(0, '42["joined","x"]').kind is MessageKind.IGNORED
        assert sio.read(0, "43[]").kind is MessageKind.IGNORED
        assert sio.read(0, "nonsense").kind is MessageKind.UNEXPECTED
        assert sio.read(0, '42{"no": "array"}').kind is MessageKind.UNEXPECTED
        assert sio.read(0, "2").needs_answer
        assert sio.answer(0, "2") == ["3"]

    def test_an_event_with_a_number_is_acknowledged_with_that_number(self) -> None:
        sio = workload("socketio", namespace="chat")
        message = "42/chat,17" + json.dumps(["chat message", ENVELOPE.seal("hello")])
        reading = sio.read(0, message)
        assert reading.kind is MessageKind.DELIVERY
        assert reading.needs_answer
        assert sio.answer(0, message) == ["43/chat,17[]"]


class TestGraphQlWs:
    def test_results_of_the_subscription_are_deliveries_and_those_of_mutations_are_not(self) -> None:
        graphql = workload("graphql-ws")
        text = ENVELOPE.seal("hello")
        result = {"id": "1", "type": "next", "payload": {"data": {"said": {"text": text}}}}
        assert graphql.read(0, json.dumps(result)).kind is MessageKind.DELIVERY
        assert graphql.read(0, json.dumps(result | {"id": "m4"})).kind is MessageKind.IGNORED
        assert graphql.read(0, '{"type": "complete", "id": "m4"}').kind is MessageKind.IGNORED
        assert graphql.read(0, '{"type": "complete", "id": "1"}').kind is MessageKind.UNEXPECTED
        assert graphql.read(0, '{"type": "error", "id": "1", "payload": []}').kind is MessageKind.UNEXPECTED
        assert graphql.subprotocols(0) == ["graphql-transport-ws"]

    def test_a_ping_is_answered(self) -> None:
        graphql = workload("graphql-ws")
        assert graphql.read(0, '{"type": "ping"}').needs_answer
        assert list(graphql.answer(0, '{"type": "ping"}')) == ['{"type": "pong"}']


class TestMqtt:
    def test_a_member_is_subscribed_from_the_suback_on(self) -> None:
        talk = Conversation(workload("mqtt"), 0)
        (connect,) = talk.start(0)
        assert isinstance(connect, bytes)
        assert connect[0] == 0x10
        assert connect[2:10] == b"\x00\x04MQTT\x04\x02"
        (subscribe,) = talk.receive(b"\x20\x02\x00\x00", 0).messages
        assert isinstance(subscribe, bytes)
        assert subscribe[0] == 0x82
        assert talk.receive(b"\x90\x03\x00\x01\x00", 0).is_awaited
        assert talk.is_subscribed
        assert talk.wake(30_000_000_000) == (b"\xc0\x00",)

    @pytest.mark.parametrize("size", [0, 60, 200, 20_000])
    def test_an_acknowledged_publication_is_answered_with_its_number(self, size: int) -> None:
        mqtt = workload("mqtt", qos="1")
        packet = publication_by(mqtt, "x" * size)
        reading = mqtt.read(0, packet)
        assert reading.kind is MessageKind.DELIVERY
        assert reading.needs_answer
        assert list(mqtt.answer(0, packet)) == [b"\x40\x02\x00\x02"]
        assert not workload("mqtt").read(0, publication_by(workload("mqtt"), "x" * size)).needs_answer

    @pytest.mark.parametrize("message", ["text", b"", b"\x30", b"\xff\xff\xff\xff\xff", b"\x20\x02\x00\x00\x20"])
    def test_an_incomplete_packet_is_unexpected(self, message: str | bytes) -> None:
        assert workload("mqtt").read(0, message).kind is MessageKind.UNEXPECTED

    def test_an_impossible_setting_is_a_usage_error(self) -> None:
        with pytest.raises(UsageError, match=r"mqtt\.qos to be 0 or 1"):
            workload("mqtt", qos="2")


class TestPhoenix:
    def test_a_member_is_subscribed_from_the_reply_on_and_sends_heartbeats(self) -> None:
        talk = Conversation(workload("phoenix", params='{"token": "t"}'), 1)
        assert talk.start(0) == ('["1", "1", "room:1", "phx_join", {"token": "t"}]',)
        assert not talk.receive('[null, "m0", "room:1", "phx_reply", {"status": "ok"}]', 0).is_awaited
        assert talk.receive('["1", "1", "room:1", "phx_reply", {"status": "ok", "response": {}}]', 0).is_awaited
        assert talk.is_subscribed
        assert talk.wake(30_000_000_000) == ('[null, "heartbeat", "phoenix", "heartbeat", {}]',)

    def test_the_event_is_a_delivery_and_replies_are_not(self) -> None:
        phoenix = workload("phoenix")
        assert phoenix.read(0, publication_by(phoenix, "hello")).kind is MessageKind.DELIVERY
        assert phoenix.read(0, '["1", "m1", "room:0", "phx_reply", {"status": "ok"}]').kind is MessageKind.IGNORED
        assert phoenix.read(0, '[null, null, "room:0", "new_msg", {}]').kind is MessageKind.UNEXPECTED
        assert phoenix.read(0, '["1", "1", "room:0", "phx_error", {}]').kind is MessageKind.UNEXPECTED
