"""The outputs: terminal, page, JSON, JUnit, Markdown."""
