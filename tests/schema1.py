"""The withdrawn schema 1: a signed manifest as Docker before 1.10 pushed it."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from exporter.oci.links import SCHEMA1_SIGNED
from tests.worlds import Made, layer

if TYPE_CHECKING:
    from tests.worlds import Json

_KEY: Final = ec.derive_private_key(20150414, ec.SECP256R1())
"""Every registry that takes schema 1 takes any key: the signature proves nothing but itself."""


def schema1(seed: str, repository: str, tag: str) -> Made:
    """Return a signed manifest, whose digest covers the body without its signature."""
    blob = layer(f"schema 1 {seed}")
    document: Json = {"schemaVersion": 1, "name": repository, "tag": tag, "architecture": "amd64"}
    document["fsLayers"] = [{"blobSum": str(blob.digest)}]
    document["history"] = [{"v1Compatibility": json.dumps({"id": "0" * 64, "seed": seed})}]
    payload = json.dumps(document, indent=3).encode()
    return Made(SCHEMA1_SIGNED, _signed(payload), (blob,), payload=payload)


def _signed(payload: bytes) -> bytes:
    """Sign as libtrust does (`jsonsign.go`, `PrettySignature`)."""
    head, tail = payload[: payload.rindex(b"\n}")], b"\n}"
    protected = _base64(
        json.dumps({"formatLength": len(head), "formatTail": _base64(tail)}).encode()
    )
    algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    pair = decode_dss_signature(_KEY.sign(f"{protected}.{_base64(payload)}".encode(), algorithm))
    signature = {
        "header": {"jwk": _jwk(), "alg": "ES256"},
        "signature": _base64(b"".join(number.to_bytes(32) for number in pair)),
        "protected": protected,
    }
    signatures = json.dumps([signature], indent=3).encode()
    return head + b',\n   "signatures": ' + signatures + tail


def _jwk() -> dict[str, str]:
    numbers = _KEY.public_key().public_numbers()
    spki = _KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    name = base64.b32encode(hashlib.sha256(spki).digest()[:30]).decode()
    return {
        "crv": "P-256",
        "kid": ":".join(name[i : i + 4] for i in range(0, len(name), 4)),
        "kty": "EC",
        "x": _base64(numbers.x.to_bytes(32)),
        "y": _base64(numbers.y.to_bytes(32)),
    }


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
