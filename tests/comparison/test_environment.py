from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.comparison.repositories import commit
from wsproof import TargetError
from wsproof.comparison.build_step import run_step
from wsproof.comparison.environment import import_path, installed_packages, make_environment, missing_server_packages
from wsproof.comparison.packages import DeclaredPackages, declared_packages, install_commands, is_package
from wsproof.comparison.repository import Repository

PYPROJECT = '[project]\nname = "shop"\ndependencies = ["uvicorn"]\n[tool.ruff]\nline-length = 100\n'


def differ(repo: Path, **change: str) -> bool:
    repository = Repository.containing(repo)
    commit(repo, "before", pyproject_toml=PYPROJECT, constraints_txt="uvicorn==1\n")
    before = repository.commit("HEAD")
    commit(repo, "after", **change)
    return declared_packages(repository, before) != declared_packages(repository, repository.commit("HEAD"))


def test_different_pins_need_different_environments(repo: Path) -> None:
    assert differ(repo, constraints_txt="uvicorn==2\n")


def test_an_additional_dependency_needs_a_different_environment(repo: Path) -> None:
    assert differ(repo, pyproject_toml=PYPROJECT.replace('"uvicorn"', '"uvicorn", "redis"'))


def test_a_new_lock_file_needs_a_different_environment(repo: Path) -> None:
    assert differ(repo, requirements_txt="redis\n")


def test_code_and_the_settings_of_a_linter_need_no_different_environment(repo: Path) -> None:
    assert not differ(repo, app_py="VALUE = 8\n", pyproject_toml=PYPROJECT.replace("100", "120"))


def test_a_project_file_that_cannot_be_read_counts_as_different(repo: Path) -> None:
    assert differ(repo, pyproject_toml="[project\n")


def test_a_commit_that_declares_nothing_is_known(repo: Path) -> None:
    repository = Repository.containing(repo)
    assert declared_packages(repository, repository.commit("main")) is None


def test_the_packages_of_a_subfolder_are_the_nearest_ones_declared(repo: Path) -> None:
    repository = Repository.containing(repo)
    commit(repo, "root", requirements_txt="redis\n", chat__app_py="")
    before = declared_packages(repository, repository.commit("HEAD"), Path("chat"))
    assert before is not None
    assert before.folder == Path()
    commit(repo, "own", chat__requirements_txt="uvicorn\n")
    after = declared_packages(repository, repository.commit("HEAD"), Path("chat"))
    assert after == DeclaredPackages(Path("chat"), {"requirements.txt": "uvicorn\n"})


def test_a_member_of_a_workspace_has_the_lock_of_the_workspace(repo: Path) -> None:
    repository = Repository.containing(repo)
    (repo / "uv.lock").write_text("version = 1\n")
    commit(repo, "member", chat__pyproject_toml=PYPROJECT)
    declared = declared_packages(repository, repository.commit("HEAD"), Path("chat"))
    assert declared is not None
    assert (declared.folder, declared.sections["uv.lock"]) == (Path("chat"), "version = 1\n")
    assert declared.has_uv_lock
    assert not DeclaredPackages(Path("chat"), {"requirements.txt": "uvicorn\n"}).has_uv_lock


def commands(folder: Path, *, uv: str | None = None, lock: bool = False) -> list[list[str]]:
    return install_commands(folder, "/venv/bin/python", uv=uv, has_uv_lock=lock)


def test_a_build_is_installed_with_its_pins_and_the_extras_a_server_needs(tmp_path: Path) -> None:
    (tmp_path / "constraints.txt").write_text("")
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\n'
        + PYPROJECT
        + '[project.optional-dependencies]\nreference = ["fastapi"]\ndev = ["pytest"]\n'
    )
    first, second = commands(tmp_path)
    assert first[-4:] == ["-c", "constraints.txt", "-r", "requirements.txt"]
    assert second[-3:] == ["-c", "constraints.txt", ".[reference]"]
    assert first[0] == second[0] == "/venv/bin/python"


def test_a_project_without_a_build_system_is_no_package_and_only_its_dependencies_are_installed(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (only,) = commands(tmp_path)
    assert only[-1] == "uvicorn"
    assert not is_package(tmp_path)


def test_uv_installs_where_it_is_present_and_follows_its_lock(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    assert commands(tmp_path, uv="uv", lock=True) == [["uv", "sync", "--frozen", "--quiet"]]
    assert commands(tmp_path, uv="uv") == [
        ["uv", "pip", "install", "--quiet", "--python", "/venv/bin/python", "uvicorn"]
    ]


def test_a_declaration_that_nobody_can_install_names_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "Pipfile.lock").write_text("{}")
    with pytest.raises(TargetError, match=r"--setup .*\.venv"):
        commands(tmp_path)


@pytest.mark.parametrize(
    ("server", "installed", "missing"),
    [
        ("auto", {}, ["uvicorn", "websockets"]),
        ("auto", {"uvicorn": "1", "wsproto": "1"}, []),
        ("uvicorn-wsproto", {"uvicorn": "1"}, ["wsproto"]),
        ("granian", {"uvicorn": "1"}, ["granian"]),
        ("uvicorn,granian", {"uvicorn": "1"}, ["websockets", "granian"]),
        ("uvicorn, granian", {"websockets": "1"}, ["uvicorn", "granian"]),
        ("all", {"uvicorn": "1", "websockets": "1"}, ["wsproto", "hypercorn", "granian", "daphne"]),
    ],
)
def test_a_build_that_declares_no_server_gets_one(server: str, installed: dict[str, str], missing: list[str]) -> None:
    assert missing_server_packages(server, installed) == missing


def test_the_interpreter_of_the_tests_has_pytest() -> None:
    assert installed_packages(sys.executable)["pytest"] == pytest.__version__


@pytest.mark.slow
def test_an_environment_of_its_own_has_its_own_python(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "requirements.txt").write_text("")
    environment = make_environment(tree, tmp_path / "venv")
    completed = subprocess.run(
        ["python", "-c", "import sys; print(sys.prefix)"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment.variables},
    )
    assert Path(completed.stdout.strip()) == tmp_path / "venv"


def test_a_failed_step_is_reported_with_its_exit_code_and_its_last_lines(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"--setup `make` ended with exit code 7\.\nIts last lines:\n    no rule"):
        run_step("echo no rule; exit 7", tmp_path, {}, "--setup `make`")
    with pytest.raises(TargetError, match=r"exit code 1\. It wrote nothing"):
        run_step([sys.executable, "-c", "raise SystemExit(1)"], tmp_path, {}, "it")


def test_an_interrupted_step_leaves_no_child_in_the_background(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted: list[subprocess.Popen[str]] = []

    def interrupt(process: subprocess.Popen[str], timeout: float) -> tuple[str, str]:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # the shell has ended, its child has not
        interrupted.append(process)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_step("(sleep 5; echo late) &", tmp_path, {}, "it")
    output = interrupted[0].stdout
    assert output is not None
    with output:
        assert output.read() == ""


def test_a_step_shows_no_password_of_a_package_index(tmp_path: Path) -> None:
    with pytest.raises(TargetError) as failed:
        run_step("echo https://user:hunter2@example.invalid/simple; exit 1", tmp_path, {}, "pip")
    assert "hunter2" not in str(failed.value)


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
    assert sys.path  # the import path of this process is not emptied
