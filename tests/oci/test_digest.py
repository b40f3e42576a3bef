"""A digest names content; text that only looks like one is refused."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.oci.digest import Digest, Malformed

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256:",
        f"sha256:{HEX[:-1]}",
        f"sha256:{HEX}0",
        f"sha256:{HEX.upper()}",
        f"SHA256:{HEX}",
        f"sha256:{HEX}\n",
        f" sha256:{HEX}",
        f"sha512:{HEX}",
        f"sha384:{HEX}{HEX[:32]}",
        f"sha256-{HEX}",
        HEX,
        "sha256:" + "\u0660" * 64,
    ],
)
def test_text_that_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="not a sha256 or sha512 digest"):
        Digest.parse(text)


@pytest.mark.parametrize("text", [f"sha256:{HEX}", f"sha512:{HEX}{HEX}"])
def test_both_registered_algorithms_are_read(text: str) -> None:
    digest = Digest.parse(text)

    assert digest == text
    assert f"{digest.algorithm}:{digest.encoded}" == text
    assert digest.short == text[:19]


@given(st.binary(max_size=64), st.sampled_from(["sha256", "sha512"]))
def test_a_digest_names_its_own_bytes_and_no_others(body: bytes, algorithm: str) -> None:
    digest = Digest.of(body, algorithm)

    assert Digest.parse(str(digest)) == digest
    assert digest.encoded == hashlib.new(algorithm, body).hexdigest()
    assert digest.names(body)
    assert not digest.names(body + b"\0")


def test_no_bytes_have_the_empty_digest() -> None:
    assert Digest.of(b"").names(b"")
    assert Digest.of(b"").encoded.startswith("e3b0c44298fc1c14")


@given(st.text(min_size=72, max_size=80))
def test_a_message_never_carries_more_than_a_line_of_what_was_refused(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        Digest.parse(text * 50)

    assert len(str(refused.value)) < 2000
    assert str(refused.value).isprintable()
