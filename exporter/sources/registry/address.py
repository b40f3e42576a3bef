"""Addresses of requests, and of the redirects that may be followed."""

import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from exporter.oci.digest import Malformed

Origin = tuple[str, str, int]
"""Scheme, host and port: credentials never leave the one that they were given for."""

_PORTS: Final = {"http": 80, "https": 443}
_VERBATIM: Final = "!#$%&'()*+,/:;=?@[]~"
"""Left as it stands in an address: a signature covers its very bytes."""
_AUTHORITY: Final = re.compile(
    r"(?:[^\x00-\x20/:@\[\\\]\x80-\U0010ffff]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]*)?"
)
"""A name in ASCII, as DNS carries it, or an IPv6 address; other alphabets come as Punycode."""


@dataclass(frozen=True, slots=True)
class Address:
    """An absolute http or https address, split where requests need it."""

    origin: Origin
    base: str
    """`scheme://host[:port]`, as it was written."""
    target: str
    """Path and query."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address; raise `Malformed`, without the text, for one that nobody may follow."""
        try:
            parts = urlsplit(text)
            origin = _origin(parts)
            target = quote(parts.path or "/", safe=_VERBATIM)
            if parts.query:
                target += f"?{quote(parts.query, safe=_VERBATIM)}"
        except ValueError as error:
            raise Malformed("not an address") from error
        if "@" in parts.netloc:
            raise Malformed("an address with credentials in it")
        return cls(origin, f"{parts.scheme}://{parts.netloc}", target)

    @classmethod
    def of_registry(cls, text: str) -> Self:
        """Read a registry's address, `scheme://host[:port][/prefix]`; raise `Malformed`."""
        address = cls.parse(text)
        if "?" in address.target or "#" in text:
            raise Malformed("a registry's address has no query and no fragment")
        return cls(address.origin, address.base, address.target.rstrip("/"))

    @property
    def secure(self) -> bool:
        """Is it asked over TLS?"""
        return self.origin[0] == "https"

    @property
    def host(self) -> str:
        """`host[:port]` as credentials are filed under it, without a port that says nothing."""
        scheme, host, port = self.origin
        named = f"[{host}]" if ":" in host else host
        return named if port == _PORTS[scheme] else f"{named}:{port}"

    def onward(self, location: str) -> "Address":
        """Return where a Location header points; raise `Malformed` where nobody may follow."""
        if not location:
            raise Malformed("a redirect to nowhere")
        try:
            there = Address.parse(urljoin(self.base + self.target, location))
        except ValueError as error:  # Malformed is one
            raise Malformed("a redirect to no address") from error
        if self.secure and not there.secure:
            raise Malformed("a redirect down to plain http")
        return there


def _origin(parts: SplitResult) -> Origin:
    """Return the origin; raise `ValueError` where it has none or another scheme."""
    authority = parts.netloc.rpartition("@")[2]
    if parts.scheme not in _PORTS or not parts.hostname or not _AUTHORITY.fullmatch(authority):
        raise ValueError("neither http:// nor https://")
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    if port == 0:
        raise ValueError("not a valid port")
    return (parts.scheme, parts.hostname, port)
