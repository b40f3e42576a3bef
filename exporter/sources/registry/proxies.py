"""HTTP proxies of the environment."""

import ipaddress
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from exporter.oci.digest import Malformed

_PORT: Final = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Proxies:
    """HTTP_PROXY, HTTPS_PROXY and NO_PROXY, read as Go reads them (net/http, `httpproxy`)."""

    http: str = field(default="", repr=False)
    https: str = field(default="", repr=False)
    """Addresses; they may hold credentials, so they stay out of `repr`."""
    bypassed: tuple[str, ...] = ()

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """Parse the environment. Raises `Malformed`, without the value, for an unusable address."""
        return cls(
            _address(environ, "HTTP_PROXY"),
            _address(environ, "HTTPS_PROXY"),
            tuple(filter(None, map(str.strip, _value(environ, "NO_PROXY").lower().split(",")))),
        )

    def way(self, scheme: str, host: str, port: int) -> str | None:
        """Return the proxy for a host; None is a direct connection."""
        proxy = self.https if scheme == "https" else self.http
        return proxy if proxy and not self._direct(host.lower(), port) else None

    def _direct(self, host: str, port: int) -> bool:
        if host == "localhost" or _within(host, "127.0.0.0/8") or _within(host, "::1/128"):
            return True  # as in Go: loopback is never asked through a proxy
        return any(_matches(host, port, rule) for rule in self.bypassed)


def _value(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.lower()) or ""


def _address(environ: Mapping[str, str], name: str) -> str:
    value = _value(environ, name).strip()
    if value and "://" not in value:
        value = f"http://{value}"
    with suppress(ValueError):
        if not value or _usable(value):
            return value
    raise Malformed(f"{name} is not an http:// or https:// address")


def _usable(value: str) -> bool:
    """Is the address of a proxy usable, with its credentials? May raise ValueError."""
    parts = urlsplit(value)
    shown = unquote(f"{parts.username or ''}:{parts.password or ''}", errors="strict")
    shown.encode("latin-1")  # aiohttp sends them so
    return (
        value.isascii()
        and value.isprintable()
        and " " not in value
        and parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and parts.port != 0
        and shown.isprintable()
        and ":" not in unquote(parts.username or "")
    )


def _matches(host: str, port: int, rule: str) -> bool:
    """Match one rule: `*`, a network, a host, or a domain with its subdomains, and a port."""
    if rule == "*":
        return True
    if "/" in rule:
        return _within(host, rule)
    name, colon, wanted = rule.rpartition(":")
    if colon and _PORT.fullmatch(wanted) and (name.count(":") == 0 or name.endswith("]")):
        if int(wanted) != port:
            return False
        rule = name
    domain = rule.strip("[]").removeprefix("*").removeprefix(".")
    return host == domain or host.endswith(f".{domain}")


def _within(host: str, network: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    return False
