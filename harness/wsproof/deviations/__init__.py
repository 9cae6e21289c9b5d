"""Known deviations of server libraries and of the user's own files.

No rule is weakened: a known finding stays a finding and is shown with its reason.
"""

from wsproof.deviations.deviation import Deviation
from wsproof.deviations.known import KnownDeviations
from wsproof.deviations.shipped import require_hint, shipped_deviations, shipped_names
from wsproof.deviations.toml_file import deviations_file, load_deviations

__all__ = [
    "Deviation",
    "KnownDeviations",
    "deviations_file",
    "load_deviations",
    "require_hint",
    "shipped_deviations",
    "shipped_names",
]
