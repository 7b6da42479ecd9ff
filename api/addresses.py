"""Addresses (adresser) an installation is told of: which are safe on the web, and how to show one.

What signs people in must come over TLS; plain http is for a machine that talks to itself.
"""

from ipaddress import ip_address
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

ADDRESS_CHARS_MAX: Final = 2_000


def is_loopback(host: str) -> bool:
    """Whether the host is this very machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_safe(url: str) -> bool:
    """Whether the address is one of https, or of http on this machine, and names nobody."""
    if len(url) > ADDRESS_CHARS_MAX or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or "\\" in url or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def origin_of(url: str) -> str:
    """Return scheme, host and port as a browser writes them in `Origin`."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in {None, usual} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def masked_url(url: str) -> str:
    """Return the address with its password, if any, replaced: for people's eyes and logs."""
    parts = urlsplit(url)
    if not parts.password:
        return url
    user = f"{quote(parts.username or '', safe='%')}:********@"
    return urlunsplit(parts._replace(netloc=user + parts.netloc.rpartition("@")[2]))
