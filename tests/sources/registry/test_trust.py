from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from exporter.facts.gap import Reason
from exporter.oci.digest import Malformed
from exporter.ports import Unseen
from exporter.sources.registry.trust import Trust, check_variables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.parts.certificates import Authority


def refused(trust: Trust) -> Unseen:
    with pytest.raises(Unseen) as raised:
        trust.contexts()
    assert raised.value.reason is Reason.UNREADABLE
    return raised.value


def test_without_a_certificate_everybody_is_met_alike() -> None:
    home, abroad = Trust().contexts()

    assert home is abroad


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    failure = refused(Trust(ca_file=tmp_path / "none.crt"))

    assert failure.subject == str(tmp_path / "none.crt")
    assert failure.detail == "No such file or directory"


def test_a_file_without_a_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("no certificate")

    assert "no certificate" in refused(Trust(ca_file=tmp_path / "ca.crt")).detail


def test_a_key_that_belongs_elsewhere_is_refused(authority: Authority) -> None:
    one, other = authority.sign("one"), authority.sign("other")

    assert refused(Trust(None, one.certificate, other.key)).subject == str(one.certificate)


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_its_password(
    authority: Authority, tmp_path: Path
) -> None:
    pair = authority.sign("client")
    key = load_pem_private_key(pair.key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    scheme = BestAvailableEncryption(b"sesame")
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, scheme))

    assert "encrypted" in refused(Trust(None, pair.certificate, locked)).detail


def _folder(of: Path, *names: str) -> str:
    of.mkdir()
    for each in names:
        (of / each).touch()
    return str(of)


def _file(of: Path, text: str = "no certificate") -> str:
    of.write_text(text)
    return str(of)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SSL_CERT_FILE", lambda at: str(at / "none")),
        ("SSL_CERT_FILE", str),
        ("SSL_CERT_FILE", lambda at: _file(at / "ca.pem")),
        ("SSL_CERT_DIR", lambda at: str(at / "none")),
        ("SSL_CERT_DIR", lambda at: f"{_folder(at / 'empty')}:{at / 'none'}"),
        ("SSL_CERT_DIR", lambda at: _file(at / "ca.pem")),
        ("SSL_CERT_DIR", lambda at: _folder(at / "certs", "ca.pem")),
        ("SSL_CERT_DIR", lambda _: ""),
    ],
)
def test_variables_that_openssl_would_ignore_are_named(
    variable: str, value: Callable[[Path], str], tmp_path: Path
) -> None:
    text = value(tmp_path)

    with pytest.raises(Malformed) as raised:
        check_variables({variable: text})

    assert str(raised.value).startswith(f"{variable}: {text.rpartition(':')[2]}")


def test_variables_that_openssl_heeds_are_accepted(authority: Authority, tmp_path: Path) -> None:
    folders = f"{_folder(tmp_path / 'empty')}::{_folder(tmp_path / 'certs', '5ed36f99.0')}"

    check_variables({"SSL_CERT_FILE": str(authority.certificate), "SSL_CERT_DIR": folders})
    check_variables({})
