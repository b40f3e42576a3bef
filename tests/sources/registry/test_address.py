from __future__ import annotations

import pytest

from exporter.oci.digest import Malformed
from exporter.sources.registry.address import Address


@pytest.mark.parametrize(
    ("text", "host", "target"),
    [
        ("https://registry.example", "registry.example", ""),
        ("https://registry.example:443/", "registry.example", ""),
        ("http://Registry.example:5000/mirror/", "registry.example:5000", "/mirror"),
        ("http://[::1]:5000", "[::1]:5000", ""),
        ("http://127.0.0.1:80", "127.0.0.1", ""),
    ],
)
def test_a_registrys_address_is_read(text: str, host: str, target: str) -> None:
    address = Address.of_registry(text)

    assert (address.host, address.target) == (host, target)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "registry.example",
        "ftp://registry.example",
        "https://",
        "https://robot:secret@registry.example",
        "https://registry.example/?a=b",
        "https://registry.example/#part",
        "https://registry.example:port",
        "https://registry.example:99999",
        "https://[::1",
    ],
)
def test_what_is_no_registrys_address_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(Malformed) as raised:
        Address.of_registry(text)

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("location", "base", "target"),
    [
        ("/data?sig=%2F", "https://registry.example", "/data?sig=%2F"),
        ("other", "https://registry.example", "/v2/app/blobs/other"),
        ("https://store.example/b?X=a+b~%7E", "https://store.example", "/b?X=a+b~%7E"),
        ("//store.example/b", "https://store.example", "/b"),
        ("https://store.example/a b/é", "https://store.example", "/a%20b/%C3%A9"),
        ("https://store.example", "https://store.example", "/"),
    ],
)
def test_a_redirect_keeps_what_a_signature_covers(location: str, base: str, target: str) -> None:
    here = Address.parse("https://registry.example/v2/app/blobs/x")

    there = here.onward(location)

    assert (there.base, there.target) == (base, target)


@pytest.mark.parametrize(
    "location",
    ["", "http://registry.example/", "file:///etc/passwd", "https://a:b@c/", "https://["],
)
def test_a_redirect_that_nobody_may_follow_is_refused(location: str) -> None:
    with pytest.raises(Malformed):
        Address.parse("https://registry.example/").onward(location)


def test_another_port_or_scheme_is_another_origin() -> None:
    one = Address.parse("http://registry.example:5000/a")

    assert one.origin == Address.parse("http://REGISTRY.example:5000/b").origin
    assert one.origin != Address.parse("http://registry.example:5001/a").origin
    assert one.origin != Address.parse("https://registry.example:5000/a").origin
    assert Address.parse("https://a").origin == Address.parse("https://a:443").origin
