"""The answer of `inspect` is the tree, with all that is known of each part."""

from __future__ import annotations

import re
from dataclasses import replace

from exporter.facts.use import ReferenceClass, Use
from exporter.oci.platform import Platform
from exporter.oci.reference import Reference
from exporter.publish.answers import inspect
from exporter.publish.invocation import Invocation
from exporter.publish.render import terminal
from tests.publish.answers.saying import inspect_text
from tests.publish.reports import (
    AMD64,
    ARM64,
    MISSING,
    attestation,
    child,
    report,
    tag,
)

SAFE = child(protected_by=("v1-amd64",))
S390X = Platform("linux", "s390x")


def test_the_tree_shows_protection_proof_and_who_uses_it() -> None:
    use = Use("deploy.yml:12", Reference.parse("registry.example/app:v1"), ReferenceClass.LIVE)
    verdict = tag("app:v1", SAFE, child("arm64", protected_by=()), uses=(use,))
    nodes = {"platforms": frozenset({AMD64}), "admitted": frozenset({AMD64, ARM64, S390X})}
    verdict = replace(verdict, root=replace(verdict.root, **nodes), not_offered=(S390X,))
    text = inspect_text(report(verdict, sealed={}))

    assert "Used by\n  deploy.yml:12, live\n" in text
    assert "  Must run on linux/amd64\n  May start on linux/arm64, linux/s390x (no image)\n" in text
    assert re.search(
        r"├─ linux/amd64 image  ok  sha256:\S+  400 B  last byte verified, tagged v1", text
    )
    assert re.search(r"└─ linux/arm64 image .*not tagged directly", text)


def test_a_lacking_platform_hangs_in_the_tree() -> None:
    text = inspect_text(report(tag("app:v1", SAFE, lacking=(ARM64,))))

    assert re.search(r"└─ linux/arm64 image  LACKING  no image", text)


def test_an_attestation_hangs_in_the_tree_without_alarm() -> None:
    text = inspect_text(report(tag("app:v1", SAFE, attestation(MISSING))))

    assert "└─ attestation  missing" in text


def test_the_commands_reach_the_registry_as_this_one_did() -> None:
    about = report(tag("app:v1", child("arm64", MISSING)))

    text = terminal.render(inspect.blocks(about, 0.0, Invocation("--plain-http")))
    assert "  pullproof check registry.example/app:v1 --plain-http\n" in text
    assert "  pullproof repair --apply registry.example/app:v1 --plain-http\n" in text
