"""Tests of the findings about long-lived members, on correct and faulty records built by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wsproof import Audience, Contract, Feed, Finding, Level, Range
from wsproof.checks.standing import has_evidence, judge_standing, pings_in_words
from wsproof.model.finding import Anomaly
from wsproof.model.history import Kind, Tick
from wsproof.model.standing import (
    PlayedSchedule,
    PoolPublication,
    StandingReceipt,
    StandingRecord,
    StandingRole,
    StandingSession,
)

S = 1_000_000_000
CHAT = Contract("chat", Audience.EVERYONE)
FEED = Contract("feed", Audience.NOBODY, feed=Feed(0.1, (("load", Range(0, 100)),)))


def publication_of(number: int, at_s: float, *, room: int = 0, was_received: bool = True) -> PoolPublication:
    return PoolPublication(7, number, int(at_s * S), room, "8", was_received)


def receipt_of(publication: PoolPublication, *, intact: bool = True) -> StandingReceipt:
    return StandingReceipt(
        publication.publisher,
        publication.sequence,
        publication.sent_ns,
        publication.sent_ns + 1_000,
        Kind.DELIVERY,
        intact,
    )


SAID = [publication_of(n, n + 1.0) for n in range(10)]
"""Ten messages, one per second, each in its own schedule."""
SCHEDULES = tuple(PlayedSchedule((publication,), publication.sent_ns + S // 10) for publication in SAID)


def listener(*got: StandingReceipt, until_s: float = 30.0) -> StandingSession:
    return StandingSession(StandingRole.IDLE, "3", 0, S // 2, int(until_s * S), received=got)


def findings_of(*sessions: StandingSession, contract: Contract = CHAT, **more: object) -> list[Finding]:
    record = replace(StandingRecord(sessions, SCHEDULES), **more)  # type: ignore[arg-type]
    return judge_standing(record, contract)


def kinds(findings: list[Finding]) -> list[tuple[str, Level]]:
    return [(finding.check, finding.level) for finding in findings]


def test_a_listener_that_received_every_message_has_no_finding() -> None:
    assert findings_of(listener(*map(receipt_of, SAID))) == []


@pytest.mark.parametrize("missing", [3, 9])
def test_a_message_that_others_received_is_expected_by_a_listener(missing: int) -> None:
    (finding,) = findings_of(
        listener(*(receipt_of(publication) for publication in SAID if publication.sequence != missing))
    )
    assert (finding.check, finding.anomaly, finding.level) == ("lost", Anomaly.LOST, Level.VIOLATION)
    assert finding.explanation.startswith("Member 0 only listened for 29.5 s. ")


def test_a_message_that_no_member_received_is_not_expected() -> None:
    silent = (*SCHEDULES, PlayedSchedule((publication_of(10, 12.0, was_received=False),), 13 * S))
    assert findings_of(listener(*map(receipt_of, SAID)), schedules=silent) == []


def test_a_message_of_the_last_seconds_is_not_yet_lost() -> None:
    assert findings_of(listener(*map(receipt_of, SAID[:9]), until_s=12.0)) == []


def test_a_message_before_the_first_receipt_is_not_expected() -> None:
    assert findings_of(listener(*map(receipt_of, SAID[2:]))) == []


def test_a_message_of_another_room_is_not_expected_and_is_misrouted() -> None:
    misrouted = publication_of(11, 12.0, room=1)
    schedules = (*SCHEDULES, PlayedSchedule((misrouted,), 13 * S))
    assert findings_of(listener(*map(receipt_of, SAID)), schedules=schedules) == []
    (finding,) = findings_of(listener(*map(receipt_of, [*SAID, misrouted])), schedules=schedules)
    assert (finding.check, finding.anomaly) == ("misrouted", Anomaly.MISROUTED)


def test_a_message_of_another_channel_is_a_leak() -> None:
    stray = replace(publication_of(0, 5.0), publisher=9)
    (finding,) = findings_of(listener(*map(receipt_of, [*SAID, stray])), elsewhere={stray.key: "echo"})
    assert (finding.check, finding.level) == ("misrouted", Level.VIOLATION)
    assert "published on the channel echo" in finding.explanation


def test_a_message_of_another_run_is_not_reported() -> None:
    assert findings_of(listener(*map(receipt_of, [*SAID, replace(publication_of(0, 5.0), publisher=99)]))) == []


def test_duplicated_and_damaged_messages_are_violations() -> None:
    twice = findings_of(listener(*map(receipt_of, [*SAID, SAID[9]])))
    assert kinds(twice) == [("duplicated", Level.VIOLATION)]
    damaged = findings_of(listener(*map(receipt_of, SAID[:9]), receipt_of(SAID[9], intact=False)))
    assert ("corrupt", Level.VIOLATION) in kinds(damaged)


def test_a_text_that_members_of_its_schedule_also_received_changed_is_reported_by_their_check_alone() -> None:
    changed = replace(SAID[4], was_changed=True)
    schedules = (*SCHEDULES[:4], replace(SCHEDULES[4], publications=(changed,)), *SCHEDULES[5:])
    got = (receipt_of(one, intact=one is not SAID[4]) for one in SAID)
    assert findings_of(listener(*got), schedules=schedules) == []


def test_messages_of_one_publisher_keep_their_order() -> None:
    together = (PlayedSchedule(tuple(SAID), 11 * S),)
    swapped = [*SAID[:4], SAID[5], SAID[4], *SAID[6:]]
    got = [replace(receipt_of(publication), received_ns=int((at + 2) * S)) for at, publication in enumerate(swapped)]
    assert kinds(findings_of(listener(*got), schedules=together)) == [("reordered", Level.VIOLATION)]


def test_numbers_that_restart_on_a_fresh_server_belong_to_other_members() -> None:
    anew = [replace(publication_of(n, n + 1.2), sent_ns=SAID[n].sent_ns + S // 5) for n in range(10)]
    schedules = (*SCHEDULES, *(PlayedSchedule((publication,), publication.sent_ns + S // 10) for publication in anew))
    everything = sorted([*SAID, *anew], key=lambda publication: publication.sent_ns)
    assert findings_of(listener(*map(receipt_of, everything)), schedules=schedules) == []


def test_losses_of_all_standing_members_are_one_finding() -> None:
    (finding,) = findings_of(listener(*map(receipt_of, SAID[:9])), listener(*map(receipt_of, SAID[:8])))
    assert (finding.check, finding.occurrences) == ("lost", 3)


def test_a_members_own_message_is_not_misrouted() -> None:
    hello = PoolPublication(2, 0, S - 1, 0, "3", was_received=False)
    reply = replace(receipt_of(hello), kind=Kind.REPLY)
    own = replace(listener(receipt_of(hello), reply, *map(receipt_of, SAID)), own=hello.key)
    contract = replace(CHAT, replies=True)
    schedules = (PlayedSchedule((hello,), S), *SCHEDULES)
    assert findings_of(own, contract=contract, schedules=schedules) == []
    assert kinds(findings_of(replace(own, own=None), contract=contract, schedules=schedules)) == [
        ("misrouted", Level.VIOLATION)
    ]


def test_a_listener_that_receives_nothing_before_it_sends_is_information() -> None:
    (finding,) = findings_of(listener())
    assert (finding.check, finding.level) == ("nothing-received", Level.INFORMATIONAL)
    assert findings_of(listener(), contract=Contract("echo", Audience.PUBLISHER)) == []


def cut(role: StandingRole = StandingRole.IDLE, code: int | None = 1001) -> StandingSession:
    return StandingSession(role, "3", 0, S, 6 * S, was_cut_off=True, close_code=code, closed=code is not None)


@pytest.mark.parametrize(
    ("session", "promised", "level", "words"),
    [
        (
            cut(),
            None,
            Level.INFORMATIONAL,
            "disconnected 5.0 s after it had connected, with close code 1001 (going away)",
        ),
        (cut(code=None), None, Level.INFORMATIONAL, "without a close frame"),
        (cut(code=1011), None, Level.NON_STRICT, "with close code 1011"),
        (cut(), 60.0, Level.VIOLATION, "promises to keep it for 60 s"),
        (cut(), 4.0, Level.INFORMATIONAL, "No contract forbids that"),
    ],
)
def test_an_idle_timeout_is_information_unless_idle_members_are_promised_to_be_kept(
    session: StandingSession, promised: float | None, level: Level, words: str
) -> None:
    (finding,) = findings_of(session, contract=replace(CHAT, keeps_idle_s=promised), schedules=())
    assert (finding.check, finding.anomaly, finding.level) == ("disconnected", Anomaly.DISCONNECTED, level)
    assert words in finding.explanation


def test_a_leave_notice_about_a_present_member_is_a_violation() -> None:
    witness = replace(listener(*map(receipt_of, SAID)), leave_notices=(("3", 5 * S), ("44", 5 * S)))
    assert kinds(findings_of(witness)) == [("false-leave", Level.VIOLATION)]
    assert "false-leave" not in [check for check, _ in kinds(findings_of(replace(witness, was_cut_off=True)))]
    with_leave_notices = replace(witness, leave_notices=(("3", 40 * S), ("44", 5 * S)))
    assert findings_of(with_leave_notices) == []


def test_what_a_member_sees_beside_a_disturbing_check_is_not_judged() -> None:
    witness = replace(listener(*map(receipt_of, SAID)), leave_notices=(("3", 5 * S),))
    assert findings_of(witness, unjudged=((4 * S, 6 * S),)) == []
    assert kinds(findings_of(witness, unjudged=((20 * S, 22 * S),))) == [("false-leave", Level.VIOLATION)]
    twice = listener(*map(receipt_of, [*SAID, SAID[9]]))
    last = replace(SCHEDULES[9], is_judged=False)
    assert findings_of(twice, schedules=(*SCHEDULES[:9], last)) == []


def test_a_refused_member_has_no_findings() -> None:
    refused = StandingSession(StandingRole.IDLE, "3", 0, 0, 30 * S, refusal="HTTP/1.1 503")
    assert findings_of(refused) == []
    assert not has_evidence(StandingRecord((refused,), SCHEDULES), CHAT)


def test_the_finding_describes_the_pings_of_the_server() -> None:
    record = StandingRecord((replace(listener(), pings_ns=(S, 21 * S)),))
    assert pings_in_words(record) == "the server sent 2 pings in 30 s"
    unanswered = replace(cut(StandingRole.UNRESPONSIVE, 1011), pings_ns=(2 * S,))
    sentence = pings_in_words(StandingRecord((*record.sessions, unanswered)))
    assert sentence.endswith("and disconnected members that answered none after 5 s, with close code 1011")
    assert findings_of(unanswered, contract=replace(CHAT, keeps_idle_s=60.0), schedules=()) == []
    assert pings_in_words(StandingRecord((listener(),))) == "the server sent no ping in 30 s"


# The following tests watch a feed for a long time.


def viewer(*times_s: float, until_s: float | None = None, load: dict[int, object] | None = None) -> StandingSession:
    ticks = tuple(Tick(0, int(at * S), {"load": (load or {}).get(n, 5)}) for n, at in enumerate(times_s))
    end = times_s[-1] + 0.1 if until_s is None else until_s
    return StandingSession(StandingRole.IDLE, "3", 0, S // 2, int(end * S), ticks=ticks)


STEADY = tuple(1 + n * 0.1 for n in range(300))


def watch(session: StandingSession) -> list[tuple[str, Level]]:
    return kinds(findings_of(session, contract=FEED, schedules=()))


def test_a_regular_feed_is_correct() -> None:
    assert watch(viewer(*STEADY)) == []


@pytest.mark.parametrize("value", [101, -1, float("nan"), "5", None, True])
def test_one_wrong_value_in_three_hundred_is_found(value: object) -> None:
    assert watch(viewer(*STEADY, load={211: value})) == [("out-of-range", Level.VIOLATION)]


def viewers_that_differ_by_one_object() -> tuple[StandingSession, StandingSession]:
    """Return two viewers, of which the second never receives the object of second 16."""
    ticks = [Tick(0, int(at * S), {"load": n % 100}) for n, at in enumerate(STEADY)]
    first = replace(viewer(*STEADY), ticks=tuple(ticks))
    return first, replace(first, role=StandingRole.UNRESPONSIVE, name="4", ticks=(*ticks[:150], *ticks[151:]))


def test_an_object_that_one_of_two_viewers_never_receives_is_lost() -> None:
    first, second = viewers_that_differ_by_one_object()
    (finding,) = findings_of(first, second, contract=FEED, schedules=())
    assert (finding.check, finding.anomaly, finding.occurrences) == ("missing-object", Anomaly.LOST, 1)
    assert findings_of(first, replace(first, name="4"), contract=FEED, schedules=()) == []


@pytest.mark.parametrize("busy", ["floods", "unjudged"])
def test_an_object_that_a_busy_server_skips_for_one_viewer_is_not_lost(busy: str) -> None:
    viewers = viewers_that_differ_by_one_object()
    assert findings_of(*viewers, contract=FEED, schedules=(), **{busy: ((15 * S, 17 * S),)}) == []
    (finding,) = findings_of(*viewers, contract=FEED, schedules=(), **{busy: ((5 * S, 7 * S),)})
    assert finding.check == "missing-object", "the server was busy at another time"


@pytest.mark.parametrize("step", [0.05, 0.25])
def test_a_feed_that_changes_its_rate_is_reported(step: float) -> None:
    changed = (*STEADY[:200], *(STEADY[200] + n * step for n in range(100)))
    assert watch(viewer(*changed)) == [("wrong-period", Level.VIOLATION)]


def test_a_feed_that_stops_or_pauses_is_found() -> None:
    assert watch(viewer(*STEADY, until_s=40.0)) == [("wrong-period", Level.VIOLATION)]
    paused = (*STEADY[:100], *(at + 11 for at in STEADY[100:]))
    assert watch(viewer(*paused)) == [("wrong-period", Level.VIOLATION)]


def test_a_pause_as_short_as_a_stop_of_the_process_is_reported_and_is_no_violation() -> None:
    paused = (*STEADY[:100], *(at + 6 for at in STEADY[100:]))
    assert watch(viewer(*paused)) == [("wrong-period", Level.INFORMATIONAL)]
    twice = (*paused[:200], *(at + 12 for at in paused[200:]))
    assert watch(viewer(*twice)) == [("wrong-period", Level.VIOLATION)], "the longest pause is reported"


def flooded(session: StandingSession, begin_s: float, end_s: float, number: int = 300) -> list[tuple[str, Level]]:
    """Return the findings if the suite published `number` messages on another channel from `begin_s` to `end_s`."""
    publications = tuple(PoolPublication(9, n, int(begin_s * S) + n, 0, "9", True) for n in range(number))
    flood = PlayedSchedule(publications, int(end_s * S)).flood
    record = StandingRecord((session,), floods=() if flood is None else (flood,))
    return kinds(judge_standing(record, FEED))


def test_a_feed_delayed_by_a_flood_of_the_suite_has_no_finding() -> None:
    paused = viewer(*STEADY[:100], *(at + 6 for at in STEADY[100:]))
    assert flooded(paused, 10, 14) == []
    assert flooded(paused, 10, 14, number=299) == [("wrong-period", Level.INFORMATIONAL)], "there was no flood"
    assert flooded(paused, 10, 10.5) == [("wrong-period", Level.INFORMATIONAL)], "5.6 s of the pause had another reason"
    slow = viewer(*STEADY[:200], *(STEADY[200] + n * 0.25 for n in range(100)))
    assert flooded(slow, 20, 50) == []
    assert flooded(slow, 2, 15) == [("wrong-period", Level.VIOLATION)], "the feed was slow after the flood"
    assert flooded(viewer(*STEADY, until_s=40.0), 30, 38) == []


def test_objects_delayed_by_the_client_are_not_reported() -> None:
    late = (*STEADY[:100], *(max(at, STEADY[170] + n * 1e-4) for n, at in enumerate(STEADY[100:])))
    assert watch(viewer(*late)) == []


def test_a_few_late_objects_are_no_drift() -> None:
    slow = (*STEADY[:100], *(STEADY[100] + n * 0.3 for n in range(8)), *(at + 1.6 for at in STEADY[108:]))
    assert watch(viewer(*slow)) == []


def test_a_history_on_joining_is_information() -> None:
    greeted = (*(1 + n * 1e-4 for n in range(10)), *(at + 0.1 for at in STEADY))
    assert watch(viewer(*greeted)) == [("wrong-period", Level.INFORMATIONAL)]


@pytest.mark.parametrize(("joined_s", "is_reported"), [(0.5, True), (4.0, True), (6.0, False), (30.0, False)])
def test_a_listener_expects_nothing_before_it_has_joined(joined_s: float, is_reported: bool) -> None:
    late = replace(listener(), joined_ns=int(joined_s * S))
    assert [finding.check for finding in findings_of(late)] == (["nothing-received"] if is_reported else [])
