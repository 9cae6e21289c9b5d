"""The fork server imports this, so that the commands it forks know already what is installed for this interpreter.

Each of them would run it to find out, which takes 0.2 s of CPU time.
"""

from __future__ import annotations

import sys

from wsproof.target.introspect import interpreter

interpreter(sys.executable)
