"""Sentences and numbers for people, shared by all formats."""
