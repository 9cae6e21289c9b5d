from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wsproof import UsageError
from wsproof.machine.lock import measurement_lock

LOCKING_PROCESS = """
import sys
from pathlib import Path
from wsproof.machine.lock import measurement_lock

with measurement_lock(Path(sys.argv[1])) as lock:
    print(lock.alone, flush=True)
    sys.stdin.read()
"""


def another_process(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", LOCKING_PROCESS, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    process.communicate()
    assert process.returncode == 0


def test_a_measurement_without_others_is_alone_during_its_run_and_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with measurement_lock(tmp_path) as lock:
            assert lock.alone


def test_two_concurrent_measurements_detect_each_other_even_after_one_has_ended(tmp_path: Path) -> None:
    with measurement_lock(tmp_path) as lock:
        process = another_process(tmp_path)
        assert read_line(process) == "False"
        end(process)
        assert not lock.alone
    with measurement_lock(tmp_path) as lock:
        assert lock.alone


def test_a_third_measurement_detects_the_second_after_the_first_has_ended(tmp_path: Path) -> None:
    with measurement_lock(tmp_path):
        second = another_process(tmp_path)
        assert read_line(second) == "False"
    third = another_process(tmp_path)
    assert read_line(third) == "False"
    end(third)
    end(second)


def test_a_process_that_was_killed_leaves_no_lock(tmp_path: Path) -> None:
    with another_process(tmp_path) as process:
        assert read_line(process) == "True"
        process.kill()
        process.wait()
    with measurement_lock(tmp_path) as lock:
        assert lock.alone


def test_nested_uses_in_one_process_count_as_one(tmp_path: Path) -> None:
    with measurement_lock(tmp_path) as outer, measurement_lock(tmp_path) as inner:
        assert inner is outer
        assert outer.alone


def test_a_symbolic_link_in_place_of_the_lock_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wsproof-measurement.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="cannot open the measurement lock"), measurement_lock(tmp_path):
        pass
    assert not (tmp_path / "elsewhere").exists()
