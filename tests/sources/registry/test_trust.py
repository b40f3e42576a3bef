from __future__ import annotations

import ssl
import subprocess
from contextlib import suppress
from pathlib import Path
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

    from tests.parts.certificates import Authority, Pair


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


@pytest.fixture
def named(authority: Authority, tmp_path: Path) -> dict[str, str]:
    """What variables may name, by a letter: G and F are good, the others are not."""
    good = Path(_folder(tmp_path / "good"))
    (good / "ca.pem").write_bytes(authority.certificate.read_bytes())
    subprocess.run(["openssl", "rehash", str(good)], check=True)
    return {
        "F": str(authority.certificate),
        "G": str(good),
        "n": str(tmp_path / "none"),
        "e": _folder(tmp_path / "empty"),
        "u": _folder(tmp_path / "unhashed", "ca.pem"),
        "t": _file(tmp_path / "text.pem"),
        ":": ":",
    }


def trusts(pair: Pair) -> bool:
    """Does a handshake succeed, as the environment is now?"""
    answering = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    answering.load_cert_chain(pair.certificate, pair.key)
    one, other = ssl.MemoryBIO(), ssl.MemoryBIO()
    context, _ = Trust().contexts()
    client = context.wrap_bio(one, other, server_hostname="localhost")
    server = answering.wrap_bio(other, one, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return False
    return True


@pytest.mark.parametrize(
    ("file", "folders", "ignored"),
    [
        ("F", None, 0),
        (None, "G", 0),
        ("F", "G", 0),
        ("F", "e", 0),
        (None, "::G:", 0),
        (None, "e:G", 0),
        (None, "n:G", 1),
        (None, "G:n", 1),
        (None, "n:u:t:G", 3),
        ("F", "n", 1),
        ("F", "u:n", 2),
        ("F", "", 1),
        ("F", ":", 1),
        ("n", "G", 1),
        ("t", "n:G", 2),
        ("", "G", 1),
        ("n", None, None),
        ("t", "n", None),
        ("n", "e", None),
        (None, "n:e", None),
        (None, "u:t", None),
        (None, ":", None),
    ],
)
def test_authorities_that_are_left_are_enough(  # noqa: PLR0913, PLR0917 - two fixtures and a row of the table
    monkeypatch: pytest.MonkeyPatch,
    authority: Authority,
    named: dict[str, str],
    file: str | None,
    folders: str | None,
    ignored: int | None,
) -> None:
    """`ignored` is how many names are warned of; None if it is an error."""
    values = {"SSL_CERT_FILE": file, "SSL_CERT_DIR": folders}
    environ = {
        variable: "".join(named[each] for each in value)
        for variable, value in values.items()
        if value is not None
    }
    for variable in values:
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)

    told = None
    with suppress(Malformed):
        told = check_variables(environ)

    assert trusts(authority.sign("server")) == (told is not None)
    assert (told and len(told.split(". "))) == (ignored or ("" if ignored == 0 else None))


def test_without_variables_nothing_is_ignored() -> None:
    assert not check_variables({})
