"""The host names under which this server may be addressed."""

from __future__ import annotations

import ipaddress
import re
import socket

from fastapi.requests import HTTPConnection

from target_app.settings import Settings

HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[\w.~-]+)?(:\d*)?", re.ASCII)
"""The value of a Host header (RFC 9110 section 7.2), without characters that no host name has."""

OWN_NAMES = frozenset({"localhost", socket.gethostname().lower()})


def is_well_formed(connection: HTTPConnection) -> bool:
    """Return whether there is at most one Host header, with a valid name or address and an optional port."""
    hosts = connection.headers.getlist("host")
    return len(hosts) < 2 and all(HOST.fullmatch(host) for host in hosts)


def is_trusted(connection: HTTPConnection, settings: Settings) -> bool:
    """Return whether the Host header names this server: an address, a name of this machine, or one of the settings.

    An address cannot be a hostile page's own name that resolves to this server. Pages always send a Host.
    """
    names = OWN_NAMES | {name.lower() for name in settings.trusted_hosts}
    names |= {_name_of(origin.partition("//")[2]) for origin in settings.allowed_origins}
    asked_for = [_name_of(host) for host in connection.headers.getlist("host") if host]
    return all(_is_address(name) or name in names for name in asked_for)


def is_loopback(connection: HTTPConnection) -> bool:
    """Return whether the Host is a name or address that always leads to the browser's own machine."""
    name = _name_of(connection.headers.get("host", ""))
    if _is_address(name):
        return ipaddress.ip_address(name).is_loopback
    return name in ("", "localhost") or name.endswith(".localhost")


def _name_of(host: str) -> str:
    """Return the host name in lower case, without brackets and port; empty if there is none."""
    found = HOST.fullmatch(host)
    return "" if found is None else (found["name"] or "").lower().strip("[]")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
