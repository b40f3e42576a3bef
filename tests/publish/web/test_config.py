"""A web configuration is understood whole, or refused by file and key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.oci.digest import Malformed
from exporter.publish.web.config import load
from exporter.publish.web.tls import server_context

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.publish.web.config import Tls

PAIR = "tls_server_config: {cert_file: a, key_file: b"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tls_server_config: {cert_fil: a, key_file: b}", r"tls_server_config\.cert_fil: unknown"),
        ("tls_server_config: {cert_file: a}", "tls_server_config: give key_file or key, one"),
        ("http_server_config: {http2: true}", r"http_server_config\.http2: HTTP/2 is not spoken"),
        (
            "http_server_config: {headers: {X-Other: a}}",
            r"http_server_config\.headers\.X-Other: unknown key",
        ),
        (
            'http_server_config: {headers: {X-Frame-Options: "a\\r\\nSet-Cookie: b"}}',
            r"X-Frame-Options: not a line of printable characters",
        ),
        (f"{PAIR}, cipher_suites: [x]}}", "cipher_suites: cannot be chosen here"),
        (f"{PAIR}, curve_preferences: [x]}}", "curve_preferences: cannot be chosen here"),
        ("rate_limit: {interval: 1s}", "rate_limit: is not offered here"),
        (f"{PAIR}, cert: x}}", "give cert_file or cert, one of them"),
        (
            f"{PAIR}, client_allowed_sans: [x]}}",
            "client_allowed_sans needs client_auth_type RequireAndVerifyClientCert",
        ),
        (f"{PAIR}, min_version: TLS13, max_version: TLS12}}", "min_version is newer"),
        ("basic_auth_users: {prom: plain-password}", r"basic_auth_users\.prom: not a bcrypt hash"),
        (
            f"{PAIR}, min_version: TLS10}}",
            r"min_version: Input should be 'TLS12' or 'TLS13'",
        ),
        (
            f"{PAIR}, client_ca_file: c}}",
            "client_ca_file and a client_auth_type that verifies belong together",
        ),
        (
            f"{PAIR}, client_auth_type: VerifyClientCertIfGiven}}",
            "client_ca_file and a client_auth_type that verifies belong together",
        ),
        (
            f"{PAIR}, client_auth_type: RequestClientCert}}",
            "client_auth_type: Input should be",
        ),
        ("{", "not YAML"),
        ("- a list", "must be a section of keys"),
        ("tls_server_config: yes", "tls_server_config: must be a section of keys"),
    ],
)
def test_a_wrong_file_is_refused_by_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    config = tmp_path / "web.yml"
    config.write_text(text)

    with pytest.raises(Malformed, match=rf"web\.yml: .*{message}") as raised:
        load(config)
    assert "plain-password" not in str(raised.value)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    config = tmp_path / "web.yml"
    config.write_text("tls: {}\nusers: {}\n")

    with pytest.raises(Malformed, match=r"tls: unknown key; users: unknown key"):
        load(config)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match=r"web\.yml: No such file"):
        load(tmp_path / "web.yml")


def test_an_empty_file_asks_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "web.yml").write_text("# nothing\n")

    assert load(tmp_path / "web.yml").tls is None


def test_a_key_in_the_file_is_never_shown(tmp_path: Path) -> None:
    config = tmp_path / "web.yml"
    config.write_text("tls_server_config: {cert: not-pem, key: very-secret}")

    with pytest.raises(Malformed, match="cert, key: ") as raised:
        server_context(tls_of(config))

    assert "very-secret" not in f"{raised.value} {load(config)}"


def tls_of(config: Path) -> Tls:
    found = load(config).tls
    assert found
    return found
