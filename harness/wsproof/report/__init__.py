"""Where runs are kept, and how they are told: terminal, page, pull request comment, JUnit. See each module."""
