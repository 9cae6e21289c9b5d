"""By which names this server may be asked for."""

from __future__ import annotations

import ipaddress
import re
import socket

from fastapi.requests import HTTPConnection

from target_app.settings import Settings

HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[\w.~-]+)?(:\d*)?", re.ASCII)
"""A Host header's value (RFC 9110 section 7.2), less the letters that no host's name has."""

OWN_NAMES = frozenset({"localhost", socket.gethostname().lower()})


def is_well_formed(connection: HTTPConnection) -> bool:
    """Whether there is at most one Host, and it is a name or address, and perhaps a port."""
    hosts = connection.headers.getlist("host")
    return len(hosts) < 2 and all(HOST.fullmatch(host) for host in hosts)


def is_trusted(connection: HTTPConnection, settings: Settings) -> bool:
    """Whether all that the Host header names is ours: an address, a name of this machine, or one of the settings.

    An address is never a page's own name that was made to lead here. Without a Host it is no page that asks.
    """
    names = OWN_NAMES | {name.lower() for name in settings.trusted_hosts}
    names |= {_name_of(origin.partition("//")[2]) for origin in settings.allowed_origins}
    asked_for = [_name_of(host) for host in connection.headers.getlist("host") if host]
    return all(_is_address(name) or name in names for name in asked_for)


def is_loopback(connection: HTTPConnection) -> bool:
    """Whether this machine was asked for by a name or address that only leads to the browser's own machine."""
    name = _name_of(connection.headers.get("host", ""))
    if _is_address(name):
        return ipaddress.ip_address(name).is_loopback
    return name in ("", "localhost") or name.endswith(".localhost")


def _name_of(host: str) -> str:
    """In lower case, without brackets and port; empty where there is none."""
    found = HOST.fullmatch(host)
    return "" if found is None else (found["name"] or "").lower().strip("[]")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
