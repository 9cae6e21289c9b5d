"""Tests that a quick run has the most important checks of a channel, in order, without random schedules."""

from __future__ import annotations

from wsproof.delivery.catalogue import CHANNEL_CHECKS, QUICK, properties_of, quick_checks
from wsproof.delivery.delivery_property import DeliveryProperty
from wsproof.delivery.suite import planned
from wsproof.model.suite import SuiteOptions
from wsproof.workloads import load_channels


def test_every_quick_check_is_a_check_of_the_delivery_suite() -> None:
    assert set(QUICK) <= {check.name for check in CHANNEL_CHECKS}


def test_a_quick_run_has_only_the_quick_checks_with_those_of_the_whole_run_last() -> None:
    chat = {"chat": load_channels("tutorial")["chat"]}
    names = [planned_check.check for planned_check in planned(chat, SuiteOptions(quick=True))]
    assert names[0] == "chat.delivery"
    assert names[-1] == "chat.long-lived-listeners"
    assert len(names) < len(planned(chat, SuiteOptions()))


def test_a_quick_check_has_only_hand_written_schedules() -> None:
    checks = properties_of(load_channels("tutorial")["chat"])
    usual = {check.name: check for check in checks}
    for check in quick_checks(checks):
        if isinstance(check, DeliveryProperty):
            whole = usual[check.name]
            assert isinstance(whole, DeliveryProperty)
            assert check.schedules is None
            assert check.edges == (QUICK[check.name] or whole.edges)
