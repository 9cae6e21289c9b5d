"""The columns of a run on disk: written by workers, merged by the parent, mapped for the checks."""
