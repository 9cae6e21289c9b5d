"""Tests that no record, finding, page or output repeats a secret that a server put into its messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.shell import wsproof

SECRETS = ("open-sesame", "key-of-gold", 'rest"in"peas')
TOLD = ("--token", SECRETS[0], "--header", f"X-Api-Key: {SECRETS[1]}", "--env", f"DB_PASSWORD={SECRETS[2]}")
TARGET = ("tests.cli.apps.repeating_secrets:app", "--channels", "tutorial", *TOLD)
SHORT = ("--subscribers", "2", "--duration", "0.5", "--warmup", "0.1", "--rate", "10")
FORMS = [form.encode() for secret in SECRETS for form in (secret, secret.replace('"', '\\"'))]


@pytest.mark.parametrize(
    "words",
    [
        ("bench", *TARGET, "--workload", "echo", *SHORT),
        ("check", *TARGET, "--only", "echo.delivery", "--only", "5.6", "--examples", "2", "--path", "/ws"),
        pytest.param(
            ("load", *TARGET, "--headless", "--scenario", "EchoUser", "--users", "1", "--duration", "2"),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["bench", "check", "load"],
)
def test_secrets_that_the_server_repeats_are_redacted(words: tuple[str, ...], tmp_path: Path) -> None:
    copy, junit = tmp_path / "copy.json", tmp_path / "junit.xml"
    extra = ("--junit", str(junit)) if words[0] == "check" else ()
    result = wsproof(*words, "--out", str(tmp_path / "out"), "--json", str(copy), *extra)
    assert result.code == 1, result
    assert "[redacted]" in copy.read_text(encoding="utf-8")
    for secret in SECRETS:
        assert secret not in result.out + result.err
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert not [form for form in FORMS if form in path.read_bytes()], path
