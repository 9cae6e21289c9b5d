"""Tests of Action Cable, SignalR, STOMP, JSON-RPC and Centrifugo: packets, and verdicts on small servers."""

from __future__ import annotations

import json

import pytest

from tests.workloads.test_protocols import ENVELOPE, OPTIONS, OURS, publication_by, workload
from wsproof import MessageKind, Order, UsageError, Verdict
from wsproof.delivery import run_suite
from wsproof.model.finding import Anomaly
from wsproof.model.secrecy import learned
from wsproof.model.suite import SuiteReport
from wsproof.target.server import serve
from wsproof.target.target import parse_target
from wsproof.workloads import Conversation
from wsproof.workloads.action_cable import ActionCable
from wsproof.workloads.stomp import parsed_frame

NAMES = ("actioncable", "signalr", "stomp", "jsonrpc", "centrifugo")


def check(fault: str, *names: str) -> SuiteReport:
    """Check these channels on one server, one after the other."""
    options = OPTIONS.but(only=tuple(f"{name}.delivery" for name in names), examples=0)
    with serve(parse_target(OURS, path="/cable", env=[f"FAULT={fault}"])) as server:
        return run_suite(server, {name: workload(name) for name in names}, options)


def test_correct_servers_pass() -> None:
    report = check("", *NAMES)
    assert report.findings == ()
    assert report.verdict() is Verdict.VALID


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_lost_message_is_found(name: str) -> None:
    report = check("forgets", name)
    assert {finding.anomaly for finding in report.findings} == {Anomaly.LOST}


@pytest.mark.parametrize(
    ("name", "messages"),
    [
        ("actioncable", ['{"type": "welcome"}', '{"type": "reject_subscription"}']),
        ("signalr", ['{"error": "no"}\x1e']),
        ("stomp", ["ERROR\nmessage:no\n\n\0"]),
        ("jsonrpc", ['{"jsonrpc": "2.0", "id": "subscribe", "error": {"code": 1}}']),
        ("centrifugo", ['{"id": 1, "connect": {}}', '{"id": 2, "error": {"code": 103, "message": "no"}}']),
    ],
)
def test_a_refusal_is_reported_in_the_words_of_the_server(name: str, messages: list[str]) -> None:
    talk = Conversation(workload(name), 0)
    talk.start(0)
    for message in messages:
        talk.receive(message, 0)
    assert talk.fault.startswith("refused the member: ")


class TestActionCable:
    def test_no_order_is_promised_by_default(self) -> None:
        """Rails performs the actions of a connection in several threads."""
        assert ActionCable().contract.order is Order.NONE
        assert ActionCable({"order": "per-publisher"}).contract.order is Order.PER_PUBLISHER

    def test_a_member_subscribes_after_the_welcome(self) -> None:
        talk = Conversation(workload("actioncable"), 1)
        assert talk.start(0) == ()
        (command,) = talk.receive('{"type": "welcome"}', 0).messages
        request = json.loads(command)
        assert (request["command"], json.loads(request["identifier"])) == (
            "subscribe",
            {"channel": "ChatChannel", "room": "1"},
        )
        assert not talk.receive('{"type": "ping", "message": 1}', 0).is_awaited
        assert talk.receive('{"type": "confirm_subscription", "identifier": "x"}', 0).is_awaited
        assert talk.is_subscribed

    def test_broadcasts_are_deliveries(self) -> None:
        cable = workload("actioncable")
        message = json.dumps({"identifier": "x", "message": {"html": {"text": ENVELOPE.seal("hello")}}})
        assert cable.read(0, message).kind is MessageKind.DELIVERY
        assert cable.read(0, '{"type": "ping", "message": 1}').kind is MessageKind.IGNORED
        assert cable.read(0, '{"type": "disconnect"}').kind is MessageKind.UNEXPECTED


class TestSignalR:
    def test_a_member_greets_and_pings(self) -> None:
        talk = Conversation(workload("signalr"), 0)
        assert talk.start(0) == ('{"protocol": "json", "version": 1}\x1e',)
        assert talk.receive("{}\x1e", 0).is_awaited
        assert talk.wake(15_000_000_000) == ('{"type": 6}\x1e',)

    def test_invocations_are_distinguished(self) -> None:
        hub = workload("signalr", receive="SendMessage")
        message = publication_by(hub, "hello")
        assert hub.read(0, message).kind is MessageKind.DELIVERY
        assert hub.read(0, '{"type": 6}\x1e').kind is MessageKind.IGNORED
        assert hub.read(0, '{"type": 1, "target": "Joined", "arguments": []}\x1e').kind is MessageKind.IGNORED
        assert hub.read(0, '{"type": 7}\x1e').kind is MessageKind.UNEXPECTED
        assert hub.read(0, '{"type": 6}').kind is MessageKind.UNEXPECTED, "a record without its end character"

    def test_a_message_is_split_into_its_records(self) -> None:
        hub = workload("signalr")
        assert hub.parts_of('{}\x1e{"type": 6}\x1e') == ["{}\x1e", '{"type": 6}\x1e']
        assert hub.parts_of("{}\x1e{") == ("{}\x1e{",), "the last record has no end: nothing is taken off"
        assert hub.parts_of(b"{}\x1e") == ["{}\x1e"], "aiosignalr sends binary messages"
        assert hub.parts_of(b"\xff") == (b"\xff",)


class TestStomp:
    def test_a_member_is_subscribed_from_the_receipt_on(self) -> None:
        talk = Conversation(workload("stomp", login="me", passcode="secret-pass"), 1)
        (connect,) = talk.start(0)
        assert "login:me\npasscode:secret-pass" in str(connect)
        (subscribe,) = talk.receive("CONNECTED\nversion:1.2\n\n\0", 0).messages
        assert "destination:/topic/room-1\n" in str(subscribe)
        assert talk.receive("RECEIPT\r\nreceipt-id:subscribed\r\n\r\n\0", 0).is_awaited
        assert talk.is_subscribed
        assert talk.wake(5_000_000_000) == ("\n",)

    def test_the_password_is_hidden_once_a_member_has_its_path(self) -> None:
        workload("stomp", passcode="a-passcode-of-stomp").path(0)
        assert "a-passcode-of-stomp" in learned()

    @pytest.mark.parametrize("body", ["", "two\r\n\r\nlines", "with \0 in it", "Zoë"])
    def test_a_body_ends_after_its_declared_length(self, body: str) -> None:
        message = str(publication_by(workload("stomp"), body)).replace("SEND\n", "MESSAGE\n", 1)
        parsed = workload("stomp").read(0, message)
        assert parsed.kind is MessageKind.DELIVERY
        assert parsed.text == ENVELOPE.seal(body)
        assert workload("stomp").read(0, message.encode()).kind is MessageKind.DELIVERY, "in a binary message"

    @pytest.mark.parametrize(
        "message", ["", "MESSAGE", "MESSAGE\n\nno end", "MESSAGE\ncontent-length:9\n\nx\0", "X\nx\n\n\0"]
    )
    def test_a_text_that_is_not_a_protocol_frame_is_unexpected(self, message: str) -> None:
        assert parsed_frame(message) is None
        assert workload("stomp").read(0, message).kind is MessageKind.UNEXPECTED

    def test_heartbeats_are_ignored(self) -> None:
        assert workload("stomp").read(0, "\n").kind is MessageKind.IGNORED


class TestJsonRpc:
    def test_methods_and_parameters_are_settings(self) -> None:
        rpc = workload("jsonrpc", subscribe="", publish="chat.say", field="body", param="room", topic="r")
        talk = Conversation(rpc, 1)
        assert talk.start(0) == ()
        assert talk.is_joined
        request = json.loads(publication_by(rpc, "hello"))
        assert (request["method"], request["params"]) == ("chat.say", {"room": "r0", "body": ENVELOPE.seal("hello")})

    def test_notifications_and_responses_are_distinguished(self) -> None:
        rpc = workload("jsonrpc")
        params = {"data": {"text": ENVELOPE.seal("hello")}}
        assert rpc.read(0, json.dumps({"method": "message", "params": params})).kind is MessageKind.DELIVERY
        assert rpc.read(0, '{"method": "other", "params": {}}').kind is MessageKind.IGNORED
        assert rpc.read(0, '{"id": "x", "result": null}').kind is MessageKind.IGNORED
        assert rpc.read(0, '{"id": "x", "error": {}}').kind is MessageKind.UNEXPECTED

    def test_an_impossible_number_of_rooms_is_a_usage_error(self) -> None:
        with pytest.raises(UsageError, match=r"jsonrpc\.rooms must be a whole number of at least 1"):
            workload("jsonrpc", rooms="0")

    def test_a_batch_is_an_array(self) -> None:
        rpc = workload("jsonrpc")
        assert rpc.parts_of('[{"id": "a"}, {"id": "b"}]') == ['{"id": "a"}', '{"id": "b"}']
        assert rpc.parts_of("[") == ("[",)
        assert rpc.parts_of("[]") == ("[]",), "an empty batch is no message, so it is read as it came"


class TestCentrifugo:
    def test_a_member_connects_and_is_subscribed_from_the_reply_on(self) -> None:
        talk = Conversation(workload("centrifugo", token="t"), 1)
        assert talk.start(0) == ('{"id": 1, "connect": {"token": "t"}}',)
        assert talk.receive('{"id":1,"connect":{"client":"x","pong":true}}', 0).messages == (
            '{"id": 2, "subscribe": {"channel": "room-1"}}',
        )
        assert talk.receive('{"id":2,"subscribe":{}}', 0).is_awaited
        assert talk.is_subscribed
        assert talk.receive("{}", 0, needs_answer=True).messages == ("{}",)

    def test_a_server_that_wants_no_pong_gets_none(self) -> None:
        talk = Conversation(workload("centrifugo"), 0)
        talk.start(0)
        talk.receive('{"id":1,"connect":{"client":"x","ping":25}}', 0)
        assert talk.receive("{}", 0, needs_answer=True).messages == ()

    def test_publications_replies_and_pings_are_distinguished(self) -> None:
        centrifugo = workload("centrifugo")
        data = json.loads(str(publication_by(centrifugo, "hello")))["publish"]["data"]
        push = json.dumps({"push": {"channel": "room-0", "pub": {"data": data, "offset": 4}}})
        assert centrifugo.read(0, push).kind is MessageKind.DELIVERY
        assert centrifugo.read(0, '{"push":{"channel":"room-0","join":{"info":{}}}}').kind is MessageKind.IGNORED
        assert centrifugo.read(0, '{"id":4,"publish":{}}').kind is MessageKind.IGNORED
        assert centrifugo.read(0, '{"id":4,"error":{"code":111}}').kind is MessageKind.UNEXPECTED
        assert centrifugo.read(0, '{"push":{"disconnect":{"code":3000}}}').kind is MessageKind.UNEXPECTED
        assert centrifugo.read(0, "{}").needs_answer

    def test_each_line_is_a_message(self) -> None:
        centrifugo = workload("centrifugo")
        assert centrifugo.parts_of('{}\n{"id":4}\n') == ["{}", '{"id":4}']
        line = '{"push":{"channel":"r","pub":{"data":"one\u2028line"}}}'
        assert centrifugo.parts_of(line) == [line], "U+2028 ends no line in JSON"
        assert centrifugo.parts_of("\n") == ("\n",)
