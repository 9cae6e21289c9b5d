"""The load engine: carries out a plan against a server and returns a measurement."""

from wsproof.load.files.history import load_history, save_history
from wsproof.load.partial_run import PartialRun
from wsproof.load.progress import Progress, Watcher
from wsproof.load.rounds import broadcast_rounds
from wsproof.load.single import run_plan

__all__ = ["PartialRun", "Progress", "Watcher", "broadcast_rounds", "load_history", "run_plan", "save_history"]
