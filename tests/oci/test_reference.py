"""A reference is read as a node would read it."""

from __future__ import annotations

import docker_image.digest as their_digest
import docker_image.reference as theirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.oci.digest import Digest, Malformed
from exporter.oci.reference import (
    HUB,
    Reference,
    host,
    names_host,
    repository,
    spellings,
    tag,
)

ONES = f"sha256:{'1' * 64}"
IDENTIFIER = "1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a"

# distribution/reference, normalize_test.go and reference_test.go.
VALID = {
    "debian": f"{HUB}/library/debian:latest",
    "docker/docker": f"{HUB}/docker/docker:latest",
    "docker.io/debian": f"{HUB}/library/debian:latest",
    "docker.io/library/foo/bar": f"{HUB}/library/foo/bar:latest",
    "index.docker.io/debian": f"{HUB}/library/debian:latest",
    "index.docker.io/docker/docker": f"{HUB}/docker/docker:latest",
    "192.168.0.1": f"{HUB}/library/192.168.0.1:latest",
    "192.168.0.1:80": f"{HUB}/library/192.168.0.1:80",
    "localhost:5000": f"{HUB}/library/localhost:5000",
    "localhost/app": "localhost/app:latest",
    "192.168.0.1:8/debian": "192.168.0.1:8/debian:latest",
    "[fc00::1]:5000/docker": "[fc00::1]:5000/docker:latest",
    "[2001:db8::1]/repo:tag": "[2001:db8::1]/repo:tag",
    "test_com/foo": f"{HUB}/test_com/foo:latest",
    "test-com:8080/foo": "test-com:8080/foo:latest",
    "foo_bar.com:8080": f"{HUB}/library/foo_bar.com:8080",
    "dock__er/docker---rules": f"{HUB}/dock__er/docker---rules:latest",
    "lowercase:Uppercase": f"{HUB}/library/lowercase:Uppercase",
    "b.gcr.io/test.example.com/my-app:test.example.com": (
        "b.gcr.io/test.example.com/my-app:test.example.com"
    ),
    f"docker.io/{IDENTIFIER}": f"{HUB}/library/{IDENTIFIER}:latest",
    f"busybox:latest@{ONES}": f"{HUB}/library/busybox:latest@{ONES}",
    f"test:5000/repo@{ONES}": f"test:5000/repo@{ONES}",
    f"xn--7o8h.com/my:xn--7o8h.com@sha512:{'f' * 128}": (
        f"xn--7o8h.com/my:xn--7o8h.com@sha512:{'f' * 128}"
    ),
    f"{'a/' * 127}a:tag-puts-this-over-max": f"{HUB}/{'a/' * 127}a:tag-puts-this-over-max",
}
INVALID = [
    "",
    ":justtag",
    f"@{ONES}",
    "repo@sha256:ffff",
    "repo@",
    "repo:",
    "repo:-foo",
    f"repo@md5:{'f' * 32}",
    f"repo@{ONES}@{ONES}",
    "https://github.com/docker/docker",
    "docker/Docker",
    "Uppercase:tag",
    "test:5000/Uppercase/lowercase:tag",
    "-docker/docker",
    "docker-/docker",
    "-docker.io/docker/docker",
    "docker///docker",
    "docker/",
    "/docker",
    "____/____",
    "dock..er/docker",
    "dock_.er/docker",
    "dock-.er/docker",
    "dock___er/docker",
    "[fc00::1]",
    "[fc00::1]:5000",
    "fc00::1:5000/debian",
    "[fe80::1%eth0]:5000/debian",
    "[2001:db8:3:4::192.0.2.33]:5000/debian",
    "aa/asdf$$^/aa",
    IDENTIFIER,
    f"{'a/' * 128}a:tag",
    f"repo:{'t' * 129}",
    "repo:tag\n",
    "repo\n",
    "re po",
]


@pytest.mark.parametrize("text", VALID)
def test_a_reference_is_completed_with_dockers_defaults(text: str) -> None:
    reference = Reference.parse(text)

    assert str(reference) == VALID[text]
    assert Reference.parse(str(reference)) == reference


@pytest.mark.parametrize("text", INVALID)
def test_what_a_node_would_not_take_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Reference.parse(text)


def test_a_first_part_in_capitals_is_a_host_without_regard_to_case() -> None:
    assert str(Reference.parse("Foo/bar")) == "foo/bar:latest"


def test_both_a_tag_and_a_digest_are_kept() -> None:
    reference = Reference.parse(f"registry.example/team/app:v1@{ONES}")

    assert (reference.registry, reference.repository) == ("registry.example", "team/app")
    assert (reference.tag, reference.digest) == ("v1", Digest.parse(ONES))


def test_a_digest_alone_has_no_tag() -> None:
    assert Reference.parse(f"app@{ONES}").tag is None


@pytest.mark.parametrize("name", ["index.docker.io", "registry-1.docker.io", "Docker.IO"])
def test_docker_hub_has_one_name(name: str) -> None:
    assert host(name) == HUB


def test_only_docker_hubs_own_names_imply_library() -> None:
    assert Reference.parse("registry-1.docker.io/busybox").repository == "busybox"
    assert Reference.parse("index.docker.io/busybox").repository == "library/busybox"


@pytest.mark.parametrize("text", ["a.b", "localhost", "a:1", "A"])
def test_a_first_part_that_looks_like_a_host_is_one(text: str) -> None:
    assert names_host(text)
    assert not names_host("team")


@pytest.mark.parametrize(
    ("text", "secure", "written"),
    [
        ("A.b", True, {"a.b", "a.b:443"}),
        ("a.b:443", True, {"a.b", "a.b:443"}),
        ("a.b:80", False, {"a.b", "a.b:80"}),
        ("a.b:80", True, {"a.b:80"}),
        ("a.b:5000", True, {"a.b:5000"}),
        ("[::443]", True, {"[::443]", "[::443]:443"}),
    ],
)
def test_the_usual_port_of_a_host_goes_without_saying(
    text: str, written: set[str], *, secure: bool
) -> None:
    assert spellings(text, secure=secure) == written


@pytest.mark.parametrize("text", ["", "host name", "host/path", "host:", "host:port", "a..b"])
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="not a registry host"):
        host(text)


def test_names_and_tags_have_their_limits() -> None:
    assert repository("a" * 255)
    assert tag("t" * 128)
    with pytest.raises(Malformed, match="not a repository name"):
        repository("a" * 256)
    with pytest.raises(Malformed, match="not a tag"):
        tag("")


LETTERS = st.sampled_from([*"abzA09._-/:@[]", "docker.io", "localhost", "library/", ONES, "sha512"])


@given(st.lists(LETTERS, max_size=12).map("".join))
def test_references_are_read_as_another_implementation_reads_them(text: str) -> None:
    # It does not know IPv6 hosts, checks only digests it knows, and keeps the letters of a host.
    if "[" in text or "sha512" in text or "Docker.io" in text:
        return
    try:
        expected = theirs.Reference.parse_normalized_named(text)
    except (theirs.InvalidReference, their_digest.DigestUnsupported, ValueError):
        expected = None
    try:
        ours = Reference.parse(text)
    except Malformed:
        ours = None

    assert (ours is None) == (expected is None), (ours, expected)
    if ours and expected:
        domain, path = expected.split_hostname()
        assert (ours.registry, ours.repository) == (domain.lower(), path)
        named = expected["tag"] or (None if expected["digest"] else "latest")
        assert (ours.tag, ours.digest) == (named, expected["digest"])
