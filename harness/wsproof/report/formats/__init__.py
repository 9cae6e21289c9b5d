"""The output formats: terminal, HTML page, JSON, JUnit XML, Markdown and HdrHistogram logs."""
