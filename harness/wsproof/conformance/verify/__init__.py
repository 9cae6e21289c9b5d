"""From a transcript to violations, cases and findings."""
