"""C sources of the benchmarks, built when they are first needed, into a temporary folder that does not stay."""

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
    """The library of one C file; ends the program with a hint where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        sys.exit("This benchmark needs a C compiler: apt-get install -y gcc libc6-dev")
    with tempfile.TemporaryDirectory(prefix="wsproof-c-") as folder:
        built = Path(folder) / f"{source.stem}.so"
        subprocess.run([compiler, "-O2", "-Wall", "-shared", "-fPIC", "-o", str(built), str(source)], check=True)
        return ctypes.CDLL(str(built))
