"""Sentences and numbers for reports, shared by all formats."""
