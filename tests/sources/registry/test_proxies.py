from __future__ import annotations

import pytest

from exporter.oci.digest import Malformed
from exporter.sources.registry.proxies import Proxies

BOTH = {"HTTP_PROXY": "http://plain:3128", "https_proxy": "http://robot:secret@tls:3128"}


def test_each_scheme_has_its_own_proxy_in_either_spelling() -> None:
    proxies = Proxies.of(BOTH)

    assert proxies.way("http", "registry.example", 80) == "http://plain:3128"
    assert proxies.way("https", "registry.example", 443) == "http://robot:secret@tls:3128"
    assert Proxies.of({}).way("https", "registry.example", 443) is None


def test_a_proxy_without_a_scheme_speaks_http() -> None:
    assert Proxies.of({"HTTPS_PROXY": "proxy:3128"}).https == "http://proxy:3128"


def test_credentials_stay_out_of_what_is_printed() -> None:
    assert "secret" not in repr(Proxies.of(BOTH))


@pytest.mark.parametrize(
    "value",
    [
        *("socks5://robot:secret@proxy", "http://", "http://a:b:c", "http://a:99999", "http://["),
        *("http://x[]/", "http://robot:secret@a b", "http://robot:secret\ud800@proxy"),
        *("http://robot:secret%E2%82%AC@proxy", "http://robot:secret%0A@proxy", "http://a\nb"),
        *("http://ro%3Abot:secret@proxy", "http://robot:secret%FF@proxy", "http://\u2100"),
    ],
)
def test_an_unusable_proxy_is_named_by_its_variable_only(value: str) -> None:
    with pytest.raises(Malformed, match="HTTPS_PROXY") as raised:
        Proxies.of({"HTTPS_PROXY": value})

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("rule", "host", "port"),
    [
        ("*", "registry.example", 443),
        ("example", "registry.example", 443),
        (".example", "registry.example", 443),
        ("*.example", "registry.example", 443),
        ("registry.example", "REGISTRY.example", 443),
        ("registry.example:443", "registry.example", 443),
        ("10.0.0.0/8", "10.2.3.4", 443),
        ("10.2.3.4", "10.2.3.4", 443),
        ("fd00::/8", "fd00::1", 443),
        ("other, registry.example", "registry.example", 443),
        ("", "localhost", 443),
        ("", "127.0.0.9", 443),
        ("", "::1", 443),
    ],
)
def test_what_no_proxy_names_is_asked_directly(rule: str, host: str, port: int) -> None:
    assert Proxies.of({**BOTH, "NO_PROXY": rule}).way("https", host, port) is None


@pytest.mark.parametrize(
    ("rule", "host"),
    [
        ("example", "notexample"),
        ("registry.example:5000", "registry.example"),
        ("10.0.0.0/8", "11.0.0.1"),
        ("10.0.0.0/8", "registry.example"),
        ("10.0.0.0/nonsense", "10.0.0.1"),
        (" , ,", "registry.example"),
        ("registry.example:\u00b2", "registry.example"),
        ("registry.example:" + "9" * 5000, "registry.example"),
        ("[:\ud800, [::1]:, /, */8", "registry.example"),
    ],
)
def test_what_no_proxy_does_not_name_is_not(rule: str, host: str) -> None:
    assert Proxies.of({**BOTH, "no_proxy": rule}).way("https", host, 443)
