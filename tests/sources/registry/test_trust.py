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
from exporter.ports import Unseen
from exporter.sources.registry.trust import Trust

if TYPE_CHECKING:
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
