"""Addresses of requests and of redirects."""

import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from exporter.oci.digest import Malformed

Origin = tuple[str, str, int]
"""Scheme, host and port. Credentials are sent to no other origin."""

_PORTS: Final = {"http": 80, "https": 443}
_VERBATIM: Final = "!#$%&'()*+,/:;=?@[]~"
"""Characters that are not quoted: a signed address is sent byte for byte."""
_AUTHORITY: Final = re.compile(
    r"(?:[^\x00-\x20/:@\[\\\]\x80-\U0010ffff]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]*)?"
)
"""Name in ASCII, as in DNS, or an IPv6 address; other alphabets are Punycode."""


@dataclass(frozen=True, slots=True)
class Address:
    """An absolute http or https address, split into origin and path."""

    origin: Origin
    base: str
    """`scheme://host[:port]`, as it was written."""
    target: str
    """Path and query."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse an address. Raises `Malformed`, without the text, for any other."""
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
        """Is the scheme https?"""
        return self.origin[0] == "https"

    @property
    def host(self) -> str:
        """`host[:port]` under which credentials are filed, without the default port."""
        scheme, host, port = self.origin
        named = f"[{host}]" if ":" in host else host
        return named if port == _PORTS[scheme] else f"{named}:{port}"

    def onward(self, location: str) -> "Address":
        """Return the target of a Location header. Raises `Malformed` for an unusable one."""
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
    """Return the origin. Raises `ValueError` without one, or for another scheme."""
    authority = parts.netloc.rpartition("@")[2]
    if parts.scheme not in _PORTS or not parts.hostname or not _AUTHORITY.fullmatch(authority):
        raise ValueError("neither http:// nor https://")
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    if port == 0:
        raise ValueError("not a valid port")
    return (parts.scheme, parts.hostname, port)
