"""This machine: cores, file descriptors, ports, process usage, and the lock for measurements."""
