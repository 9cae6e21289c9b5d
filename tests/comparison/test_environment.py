from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.comparison.repositories import commit
from wsproof import UsageError
from wsproof.comparison.environment import import_path, install, install_commands, own_python, required_packages
from wsproof.comparison.repository import Repository

PYPROJECT = '[project]\nname = "shop"\ndependencies = ["uvicorn"]\n[tool.ruff]\nline-length = 100\n'


def differ(repo: Path, **change: str) -> bool:
    repository = Repository.containing(repo)
    commit(repo, "before", pyproject_toml=PYPROJECT, constraints_txt="uvicorn==1\n")
    before = repository.commit("HEAD")
    commit(repo, "after", **change)
    return required_packages(repository, before) != required_packages(repository, repository.commit("HEAD"))


def test_other_pins_mean_another_environment(repo: Path) -> None:
    assert differ(repo, constraints_txt="uvicorn==2\n")


def test_another_dependency_means_another_environment(repo: Path) -> None:
    assert differ(repo, pyproject_toml=PYPROJECT.replace('"uvicorn"', '"uvicorn", "redis"'))


def test_a_new_lock_file_means_another_environment(repo: Path) -> None:
    assert differ(repo, requirements_txt="redis\n")


def test_code_and_a_linter_s_settings_do_not(repo: Path) -> None:
    assert not differ(repo, app_py="VALUE = 8\n", pyproject_toml=PYPROJECT.replace("100", "120"))


def test_a_project_file_that_cannot_be_read_counts_as_different(repo: Path) -> None:
    assert differ(repo, pyproject_toml="[project\n")


def test_a_build_is_installed_with_its_pins_and_the_extras_a_server_needs(tmp_path: Path) -> None:
    (tmp_path / "constraints.txt").write_text("")
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / "pyproject.toml").write_text(
        PYPROJECT + '[project.optional-dependencies]\nreference = ["fastapi"]\ndev = ["pytest"]\n'
    )
    first, second = install_commands(tmp_path, "/venv/bin/python")
    assert first[-4:] == ["-c", "constraints.txt", "-r", "requirements.txt"]
    assert second[-3:] == ["-c", "constraints.txt", ".[reference]"]
    assert first[0] == second[0] == "/venv/bin/python"


def test_a_build_that_asks_for_nothing_is_not_installed(tmp_path: Path) -> None:
    assert install_commands(tmp_path, "python") == []
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\n")
    assert install_commands(tmp_path, "python") == []


@pytest.mark.slow
def test_an_environment_of_its_own_has_its_own_python(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    python = own_python(tree, tmp_path / "venv")
    told = subprocess.run([python, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True)
    assert Path(told.stdout.strip()) == tmp_path / "venv"


def test_a_failed_installation_is_reported_with_the_installers_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsproof.comparison.environment.install_commands", lambda tree, python: [[python, "-c", "1/0"]])
    with pytest.raises(UsageError, match="ZeroDivisionError"):
        install(tmp_path, sys.executable)


def test_an_app_found_through_the_checkout_is_found_in_the_tree_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    root, tree = tmp_path / "root", tmp_path / "tree"
    for folder in (root / "src", tree / "src", root / ".venv" / "lib" / "site-packages", root / "only-here"):
        folder.mkdir(parents=True)
    entries = [
        str(root / "src"),
        str(root / ".venv" / "lib" / "site-packages"),
        str(root / "only-here"),
        str(tmp_path / "elsewhere"),
    ]
    assert import_path(root, tree, entries) == str(tree / "src")
    monkeypatch.setenv("PYTHONPATH", "/given")
    assert import_path(root, tree, entries) == os.pathsep.join([str(tree / "src"), "/given"])


def test_the_harness_is_always_that_of_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wsproof

    monkeypatch.delenv("PYTHONPATH", raising=False)
    harness = Path(wsproof.__file__).resolve().parent.parent
    (tmp_path / harness.name).mkdir()
    assert import_path(harness.parent, tmp_path, [str(harness)]) == ""
    assert sys.path  # nothing of ours was changed
