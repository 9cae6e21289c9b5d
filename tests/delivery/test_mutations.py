"""Tests of malformed messages and unusual names, as they are sent."""

from __future__ import annotations

import json

import pytest

from tests.faulty.channels.json_room_workloads import Greeting, Room
from wsproof.delivery.altered_workload import with_names
from wsproof.delivery.mutations import DEPTH, DIGITS, Mutation, mutated
from wsproof.delivery.names import NameShape, fits, sends_names, shaped_name
from wsproof.delivery.people_properties import MALFORMED, OF_GREETINGS
from wsproof.delivery.schedule import GREETING, Action, fitted

RIGHT = json.dumps({"type": "say", "id": 7, "text": "a text that is longer than a word"})


class Unencoded(Room):
    def path(self, member: int) -> str:
        return f"/ws?name={self.name_of(member)}"


class Nameless(Room):
    def path(self, member: int) -> str:
        return "/ws"


@pytest.mark.parametrize("mutation", Mutation)
def test_every_mutation_changes_a_text_and_a_binary_message(mutation: Mutation) -> None:
    assert mutated(RIGHT, mutation) != RIGHT
    assert mutated(b"0123456789abcdef" * 8, mutation) != b"0123456789abcdef" * 8


def test_each_mutation_alters_the_message_as_named() -> None:
    assert json.loads(mutated(RIGHT, Mutation.NUMBER)) == {"type": 7, "id": 7, "text": 7}
    assert json.loads(mutated(RIGHT, Mutation.SHORTENED)) == {"type": "say", "id": 7}
    assert json.loads(mutated(RIGHT, Mutation.UNKNOWN))["type"] == "wsproof"
    assert str(mutated(RIGHT, Mutation.DOUBLED)).count('"text"') == 2
    assert "[" * DEPTH in str(mutated(RIGHT, Mutation.DEEP))
    assert "9" * DIGITS in str(mutated(RIGHT, Mutation.HUGE))
    assert "\\ud800" in str(mutated(RIGHT, Mutation.SURROGATE))


def test_a_message_that_is_not_json_is_mutated_as_a_whole() -> None:
    assert mutated("hello", Mutation.TRUNCATED) == "he"
    assert json.loads(mutated("hello", Mutation.NULL)) == {"type": None, "text": None}


def test_a_join_message_is_mutated_only_if_the_channel_has_one() -> None:
    altered = [edge for edge in MALFORMED.edges if any(step.body == GREETING for step in edge)]
    assert len(altered) == len(OF_GREETINGS)
    for edge in altered:
        assert any(step.action is Action.MUTATE for step in fitted(edge, Greeting({})))
        assert not any(step.action is Action.MUTATE for step in fitted(edge, Room({})))


def test_a_workload_that_does_not_encode_names_gets_only_names_that_need_no_encoding() -> None:
    assert all(fits(shape, Room({})) for shape in NameShape)
    assert not fits(NameShape.SLASH, Unencoded({}))
    assert fits(NameShape.UNICODE, Unencoded({}))


def test_members_without_a_name_at_the_server_have_no_unusual_names() -> None:
    assert sends_names(Room({}))
    assert not sends_names(Nameless({}))


def test_the_names_of_a_pool_are_used_in_its_paths() -> None:
    names: dict[int, str] = {}
    workload = with_names(Room({}), names)
    names[3] = shaped_name(NameShape.LONGER, "u4", "u1")
    assert [workload.name_of(number) for number in (0, 3)] == ["u1", "u11"]
    assert workload.path(3) == "/ws?name=u11&room=0"
