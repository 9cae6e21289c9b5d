"""Validates CI files by the schemas that check-jsonschema ships."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def errors_by_schema(schema: str, file: Path, *more: str) -> list[object]:
    """The errors of a file by a shipped schema, such as `vendor.github-actions`."""
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, "--output-format", "json", *more]
    done = subprocess.run([*words, str(file)], capture_output=True, text=True, timeout=60, check=False)
    report = json.loads(done.stdout)
    assert report["status"] == ("ok" if done.returncode == 0 else "fail"), done.stderr
    return [*report.get("errors", ()), *report.get("parse_errors", ())]
