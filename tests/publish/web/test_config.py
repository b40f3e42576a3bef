"""A web configuration is understood whole, or refused by file and key."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.oci.digest import Malformed
from exporter.publish.web.config import load, server_context

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.publish.web.config import Tls

PAIR = "tls_server_config: {cert_file: a, key_file: b"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tls_server_config: {cert_fil: a, key_file: b}", r"tls_server_config\.cert_fil: unknown"),
        ("tls_server_config: {cert_file: a}", r"tls_server_config\.key_file: must be given"),
        ("tls_server_config: {cert_file: 5, key_file: b}", r"cert_file: not the name of a file"),
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
        (
            f"{PAIR}, cert: x}}",
            r"\.cert: PEM is not read from this file: name its file in cert_file",
        ),
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

    with pytest.raises(Malformed, match=r"\.key: PEM is not read") as raised:
        load(config)

    assert "very-secret" not in str(raised.value)


def tls_of(config: Path) -> Tls:
    found = load(config).tls
    assert found
    return found


@pytest.mark.parametrize(
    "value",
    [
        "2024-13-45",
        "!!int foo",
        "!!int ''",
        "!!float x",
        "!!float _",
        "!!bool maybe",
        "!!timestamp 99",
        "!!binary x",
        "!!set {a, b}",
        "!!python/object:os.system {}",
        "[" * 5_000,
        "{a: " * 5_000,
        "&a [*a]",
        "*nothing",
        "<<: {a: b}",
        "9" * 5_000,
        "0x" + "f" * 5_000,
        "1" + ":59" * 5_000,
        '"\\ud800"',
        '"\\0"',
        '"\\x1b]0;x\\n"',
        "\x00",
        "\x85",
        ".nan",
        "~",
        "[]",
        "{}",
        "{? [a] : b}",
        "$2b$31$" + "a" * 53,
        "$2b$10$" + "a" * 53,
    ],
)
@pytest.mark.parametrize(
    "place",
    [
        "{}",
        "{}: a",
        "tls_server_config: {}",
        "tls_server_config: {{cert_file: {}, key_file: b}}",
        "tls_server_config: {{cert_file: a, key_file: b, client_allowed_sans: {}}}",
        "tls_server_config: {{cert_file: a, key_file: b, client_auth_type: {}}}",
        "http_server_config: {}",
        "http_server_config: {{http2: {}}}",
        "http_server_config: {{headers: {{X-Frame-Options: {}}}}}",
        "basic_auth_users: {}",
        "basic_auth_users: {{prom: {}}}",
        "basic_auth_users: {{{}: x}}",
    ],
)
def test_no_value_anywhere_is_anything_but_taken_or_told_in_one_line(
    tmp_path: Path, place: str, value: str
) -> None:
    assert_taken_or_told(tmp_path / "web.yml", place.format(value).encode(errors="surrogatepass"))


def assert_taken_or_told(config: Path, body: bytes) -> None:
    config.write_bytes(body)
    try:
        load(config)
    except Malformed as error:
        told = str(error)
        assert told.startswith(f"{config}: ")
        assert told.isprintable()  # one line, and nothing that moves a cursor
        assert len(told) < 2_000 + 100 * body.count(b":")


WHOLE = f"""\
# a comment
tls_server_config:
  cert_file: server.crt
  key_file: server.key
  client_ca_file: clients.crt
  client_auth_type: RequireAndVerifyClientCert
  client_allowed_sans: [a.example, 'b']
  min_version: TLS12
http_server_config:
  http2: false
  headers: {{X-Frame-Options: deny}}
basic_auth_users:
  prom: $2b$04${"." * 53}
""".encode()
PIECES = [
    *(b"%c" % byte for byte in b"\n \t:-?[]{}&*!|>'\"#%@`,~\\\x00\x85\xff\xed"),
    *(b"!!int ", b"!!float ", b"!!timestamp ", b"2024-13-45", b"\\ud800", b"---\n", b"<<: "),
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(
        st.tuples(
            st.integers(0, len(WHOLE)), st.integers(0, 12), st.sampled_from(PIECES) | st.binary()
        ),
        max_size=6,
    )
)
def test_whatever_a_file_was_changed_to_it_is_taken_or_told_in_one_line(
    tmp_path: Path, cuts: list[tuple[int, int, bytes]]
) -> None:
    body = WHOLE
    for at, length, piece in cuts:
        body = body[:at] + piece + body[at + length :]

    assert_taken_or_told(tmp_path / "web.yml", body)


def test_what_is_no_file_is_told_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "web.yml")
    (tmp_path / "large.yml").write_bytes(b"#" * (1 << 20) + b"\n")

    with pytest.raises(Malformed, match=r"web\.yml: not a file"):
        load(tmp_path / "web.yml")
    with pytest.raises(Malformed, match=f"{tmp_path.name}: not a file"):
        load(tmp_path)
    with pytest.raises(Malformed, match=r"large\.yml: more than 1 MiB"):
        load(tmp_path / "large.yml")


def test_a_hash_that_no_password_can_be_compared_with_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "web.yml"
    config.write_text(f"basic_auth_users: {{one: $2b$10${'a' * 53}, two: $2b$18${'.' * 53}}}")

    with pytest.raises(Malformed) as raised:
        load(config)

    assert "basic_auth_users.one: not a bcrypt hash" in str(raised.value)
    assert "basic_auth_users.two: a bcrypt cost over 17 takes too long" in str(raised.value)


@pytest.mark.parametrize("key", ["cert_file", "key_file", "client_ca_file"])
@pytest.mark.parametrize("pem", [b"", b"\0", "é".encode(), b"-----BEGIN CERTIFICATE-----"])
def test_a_file_that_is_no_pem_is_told_in_one_line(tmp_path: Path, key: str, pem: bytes) -> None:
    (tmp_path / key).write_bytes(pem)
    config = tmp_path / "web.yml"
    names = dict.fromkeys(("cert_file", "key_file", "client_ca_file"), key)
    lines = "".join(f"  {name}: {file}\n" for name, file in names.items())
    config.write_text(f"tls_server_config:\n{lines}  client_auth_type: VerifyClientCertIfGiven\n")

    with pytest.raises(Malformed) as raised:
        server_context(tls_of(config))
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("name", ["pipe", "folder", '"a\\0b"', '"a\\nb"', "x" * 5_000])
def test_a_certificate_that_is_no_file_is_told_and_not_waited_for(
    tmp_path: Path, name: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    config = tmp_path / "web.yml"
    for one, other in (("cert_file", "key_file"), ("key_file", "cert_file")):
        config.write_text(f"tls_server_config: {{{one}: {name}, {other}: web.yml}}")

        with pytest.raises(Malformed) as raised:
            server_context(tls_of(config))
        assert str(raised.value).isprintable()
