"""Compiler of the benchmarks' C sources. Each is built on first use, in a temporary folder that is then deleted."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path


@cache
def compiled(source: Path) -> ctypes.CDLL:
    """Compile one C file and load it as a library. Without a compiler, the program exits with a hint."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        sys.exit("This benchmark needs a C compiler: apt-get install -y gcc libc6-dev")
    with tempfile.TemporaryDirectory(prefix="wsproof-c-") as folder:
        built = Path(folder) / f"{source.stem}.so"
        subprocess.run([compiler, "-O2", "-Wall", "-shared", "-fPIC", "-o", str(built), str(source)], check=True)
        return ctypes.CDLL(str(built))
