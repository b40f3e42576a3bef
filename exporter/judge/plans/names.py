"""Which parts has a reference that a tool printed? No defaults are filled in: nobody pulls it."""

from __future__ import annotations

from exporter.judge.plans.deletion import Deletion, DeletionKind
from exporter.oci.digest import Digest, Malformed
from exporter.oci.reference import host, names_host, repository, tag


def deletion(text: str) -> Deletion | None:
    """Return what is meant by `[host/]repository:tag`, `…@digest`, both, or a digest alone.

    Where both are given it is the manifest that goes, and the tag is named beside it. None for
    anything else.
    """
    rest, at, digest_text = text.partition("@")
    if not at and rest.startswith(("sha256:", "sha512:")):
        rest, digest_text = "", rest
    head, slash, tail = rest.partition("/")
    named = bool(slash) and names_host(head)
    name, colon, tag_text = (tail if named else rest).partition(":")
    if not digest_text and not colon:
        return None
    try:
        return Deletion(
            DeletionKind.MANIFEST if digest_text else DeletionKind.TAG,
            repository(name) if name or not digest_text else "",
            Digest.parse(digest_text) if digest_text else "",
            tag(tag_text) if colon else "",
            host(head) if named else "",
        )
    except Malformed:
        return None
