"""What is tested, and how it is started, watched and stopped."""
