"""Network access: endpoints, sockets, the client, the clock."""
