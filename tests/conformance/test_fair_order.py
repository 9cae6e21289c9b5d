"""Tests of the order of checks in a run, with costs set by the test."""

from __future__ import annotations

import math
from collections.abc import Callable

from wsproof.conformance.catalogue import QUICK, quick_first
from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.fair_order import FairOrder
from wsproof.conformance.properties.property import Property
from wsproof.conformance.robustness.definition import RobustnessTest
from wsproof.conformance.rules import Binding, rule
from wsproof.conformance.suite import CHECKS, PROPERTIES
from wsproof.model.chapter import Chapter
from wsproof.model.suite import SuiteOptions

BUDGET_S = 60.0
CHECK_S = 10.0
"""Seconds after which a check is cut short on a slow server, and does not count as run."""


def names_run(order: FairOrder, cost: Callable[[Property | RobustnessTest], float], within_s: float) -> list[str]:
    """Return the names of the checks that start within a time, in order."""
    names, used = [], 0.0
    while order.left and used < within_s:
        check = order.next()
        order.took(check, cost(check))
        used += cost(check)
        names.append(check.name)
    return names


def silent_handshakes(check: Property | RobustnessTest) -> float:
    return 10.0 if check.rule.chapter is Chapter.HANDSHAKE else 0.2


def test_a_fast_server_is_checked_in_the_written_order() -> None:
    order = FairOrder(CHECKS, BUDGET_S)
    assert names_run(order, lambda check: 0.3, math.inf) == [check.name for check in CHECKS]


def test_without_a_budget_checks_keep_the_written_order() -> None:
    order = FairOrder(CHECKS, math.inf, is_slow=True)
    assert names_run(order, silent_handshakes, math.inf) == [check.name for check in CHECKS]


def test_silent_handshakes_do_not_take_the_budget_of_the_other_chapters() -> None:
    names = set(names_run(FairOrder(CHECKS, BUDGET_S), silent_handshakes, BUDGET_S))
    others = [check.name for check in PROPERTIES if check.rule.chapter is not Chapter.HANDSHAKE]
    assert names.issuperset(others)


def test_every_check_is_chosen_once_and_robustness_tests_come_last() -> None:
    names = names_run(FairOrder(CHECKS, BUDGET_S, is_slow=True), silent_handshakes, math.inf)
    assert sorted(names) == sorted(check.name for check in CHECKS)
    assert names[0] == CHECKS[0].name
    robustness_tests = [check.name for check in CHECKS if isinstance(check, RobustnessTest)]
    assert names[len(PROPERTIES) :] == robustness_tests


def test_on_a_slow_server_checks_with_few_scripts_come_first() -> None:
    """Half a second for each answer makes a second and a half for each script: twice as many checks end in time."""
    profile = EndpointProfile("", True, False, 1024)

    def seconds(check: Property | RobustnessTest) -> float:
        return 1.5 * check.script_count(profile) if isinstance(check, Property) else 0.0

    def cut_short(check: Property | RobustnessTest) -> float:
        return min(seconds(check), CHECK_S)

    slow = FairOrder(CHECKS, BUDGET_S, is_slow=True, scripts=lambda check: check.script_count(profile))
    ended = {check.name for check in CHECKS if seconds(check) <= CHECK_S}
    few_first = ended.intersection(names_run(slow, cut_short, BUDGET_S))
    as_written = ended.intersection(names_run(FairOrder(CHECKS, BUDGET_S, is_slow=True), cut_short, BUDGET_S))
    offered = {check.name for check in PROPERTIES if check.script_count(profile)}
    assert len(few_first & offered) >= 2 * len(as_written & offered)


def test_on_a_slow_server_checks_of_musts_come_before_those_of_other_keywords() -> None:
    slow = FairOrder(CHECKS, BUDGET_S, is_slow=True)
    levels: dict[Chapter, list[Binding]] = {}
    for name in names_run(slow, lambda check: 1.0, math.inf)[1 : len(PROPERTIES)]:
        levels.setdefault(rule(name).chapter, []).append(rule(name).level)
    assert all(check == sorted(check, key=list(Binding).index) for check in levels.values())


def test_the_checks_of_a_declined_extension_have_no_scripts() -> None:
    profile = EndpointProfile("", True, False, 1024)
    by_name = {check.name: check for check in PROPERTIES}
    assert by_name["deflate-final"].script_count(profile) == 0
    assert by_name["http-1-1"].script_count(profile) == 1
    assert by_name["payload-lengths"].script_count(profile) > 10


def test_on_a_slow_server_each_chapter_has_one_check_before_any_has_two() -> None:
    names = names_run(FairOrder(CHECKS, BUDGET_S, is_slow=True), lambda check: 1.0, BUDGET_S)
    chapters = list(dict.fromkeys(check.rule.chapter for check in PROPERTIES))
    by_name = {check.name: check.rule.chapter for check in PROPERTIES}
    assert [by_name[name] for name in names[: len(chapters)]] == chapters


def test_a_quick_run_begins_with_the_quick_checks_also_on_a_slow_server() -> None:
    names = quick_first([check.name for check in CHECKS], SuiteOptions(quick=True))
    assert tuple(names[: len(QUICK)]) == QUICK
    assert sorted(names) == sorted(check.name for check in CHECKS)
    expected = sorted(CHECKS, key=lambda check: names.index(check.name))
    order = FairOrder(expected, 15.0, is_slow=True, first=QUICK)
    assert set(names_run(order, lambda check: 1.0, float(len(QUICK)))) == set(QUICK)


def test_any_other_run_has_the_written_order() -> None:
    names = [check.name for check in CHECKS]
    assert quick_first(names, SuiteOptions()) == names
