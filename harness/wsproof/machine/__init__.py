"""The local machine: cores, file descriptors, ports, resource usage, and the measurement lock."""
