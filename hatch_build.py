"""Builds the compiled reader of the load engine, if this machine has a C compiler. Without it, Python reads."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("harness/wsproof/load/worker/_frame_reader.c")
BUILT = SOURCE.with_name("_frame_reader.abi3.so")
TAG = "cp311-abi3"
"""The limited API of Python 3.11: one build serves all later versions."""


class CompiledReader(BuildHookInterface[Any]):
    """Compiles the reader into the source tree, from where the wheel takes it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, or report on standard error why not. A machine without a compiler gets a wheel of Python alone."""
        reason = build(Path(self.root))
        if reason:
            sys.stderr.write(f"wsproof: the compiled reader is not built, Python reads instead: {reason}\n")
            return
        build_data["pure_python"] = False
        build_data["artifacts"].append(str(BUILT))
        if version == "standard":
            build_data["tag"] = f"{TAG}-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"


def build(root: Path) -> str:
    """Compile the reader. Returns the reason why it could not be built; empty if it was."""
    (root / BUILT).unlink(missing_ok=True)
    compiler = shlex.split(os.environ.get("CC", "cc"))
    if sys.platform != "linux":
        return "it reads on Linux only"
    if shutil.which(compiler[0]) is None:
        return f"there is no C compiler ({compiler[0]})"
    command = [*compiler, "-O2", "-Wall", "-shared", "-fPIC", f"-I{sysconfig.get_path('include')}"]
    done = subprocess.run(
        [*command, "-o", str(root / BUILT), str(root / SOURCE)], capture_output=True, text=True, check=False
    )
    return done.stderr.strip() if done.returncode else ""
