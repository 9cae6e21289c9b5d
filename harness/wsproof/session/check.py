"""A check of one target."""

from __future__ import annotations

from wsproof.model.suite import SuiteOptions
from wsproof.session.options import CheckOptions


def suite_options(given: CheckOptions) -> SuiteOptions:
    """The options of both suites."""
    options = SuiteOptions(
        seed=given.seed,
        only=given.only,
        strict=given.strict,
        sample=given.sample,
        login=given.login,
    )
    return options if given.examples is None else options.but(examples=given.examples)
