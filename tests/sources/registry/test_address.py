from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.oci.digest import Malformed
from exporter.sources.registry.address import Address
from exporter.sources.registry.paging import next_query


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
        "https://x[]/",
        "https://[::1]x",
        "https://registry.example:0",
        "https://registry.example:" + "9" * 5000,
        "https://a b",
        "https://a\u00e9",
        "https://a\u2100",
        "https://a/\ud800",
        "https://a\ud800",
        "https://a\\b",
        "https://" + "a" * 300,
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
    [
        *("", "http://registry.example/", "file:///etc/passwd", "https://a:b@c/", "https://["),
        *("https://x[]/", "https://a:99999/", "//a:99999/", "https://a:-1/", "https://a b/"),
        *("/\ud800", "/?\ud800", "//[", "https://\u2100/"),
    ],
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


@given(st.text(st.characters(exclude_categories=()), max_size=30))
def test_any_redirect_leads_where_a_request_can_go_or_is_refused(text: str) -> None:
    here = Address.parse("https://registry.example/v2/")
    for location in (text, f"//{text}", f"https://{text}", f"/{text}", f"https://a:{text}/"):
        with suppress(Malformed):
            there = here.onward(location)
            f"{there.base}{there.target}{there.host}".encode("ascii")
            assert 0 < there.origin[2] < 65536


@pytest.mark.parametrize("host", ["a:99999", "[::1]:99999", "a:" + "9" * 5000])
def test_a_next_page_is_asked_for_at_home_whatever_port_it_names(host: str) -> None:
    asked = "https://a/v2/_catalog?n=1"
    with suppress(Malformed):
        assert next_query(f'<https://{host}/v2/_catalog?n=2>; rel="next"', asked) == "n=2"
