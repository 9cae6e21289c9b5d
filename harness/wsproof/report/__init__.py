"""Run directories, and the reports on them: terminal, HTML page, Markdown, JUnit XML."""
