"""Who is trusted? A certificate authority of our own, as a company has one, and what it signs."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_VALID: Final = (dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.datetime(2044, 1, 1, tzinfo=dt.UTC))
_LOOPBACK: Final = x509.SubjectAlternativeName(
    [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Authority:
    """A private certificate authority that no system knows."""

    certificate: Path
    """PEM: what a client must be told to trust; alone in its folder, as skopeo wants it."""
    _name: x509.Name
    _key: ec.EllipticCurvePrivateKey

    def sign(
        self,
        name: str,
        key: Key | None = None,
        names: tuple[str, ...] = (),
        span: tuple[dt.datetime, dt.datetime] = _VALID,
    ) -> Pair:
        """Return a certificate that stands for a server on the loopback, or for a client.

        For other servers, where names are given, and for another time than long before and after.
        """
        stands = x509.SubjectAlternativeName(list(map(x509.DNSName, names)))
        key = key or ec.generate_private_key(ec.SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            _builder(_name(name), self._name, key, span)
            .add_extension(issuer, critical=False)
            .add_extension(stands if names else _LOOPBACK, critical=False)
        )
        certificate = builder.sign(self._key, hashes.SHA256())
        return _write(self.certificate.parent.parent / name, certificate, key)


def authority(folder: Path) -> Authority:
    """Make a certificate authority in a folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Private CA")
    builder = (
        _builder(name, name, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    path = folder / "trusted" / "ca.crt"
    path.parent.mkdir(parents=True)
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    return Authority(path, name, key)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: Key,
    span: tuple[dt.datetime, dt.datetime] = _VALID,
) -> x509.CertificateBuilder:
    start, end = span
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=start,
        not_valid_after=end,
    )


def _usage() -> x509.KeyUsage:
    signs = {"key_cert_sign": True, "crl_sign": True, "digital_signature": True}
    other = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    never = dict.fromkeys((*other, "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(**signs, **never)


def _write(folder: Path, certificate: x509.Certificate, key: Key) -> Pair:
    folder.mkdir(exist_ok=True)
    pair = Pair(folder / "tls.crt", folder / "tls.key")
    pair.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pair.key.write_bytes(plain)
    return pair
