"""Network access: sockets, endpoints, the clock. Imports nothing."""
