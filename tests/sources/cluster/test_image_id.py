"""Is the content that runs read from whatever a container runtime writes in `imageID`?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.oci.digest import Digest
from exporter.sources.cluster.image_id import running

D = f"sha256:{'0123456789abcdef' * 4}"
FORMS = {
    "containerd": f"registry.example:5000/team/app@{D}",
    "containerd, imported without a registry": D,
    "cri-dockerd, pulled": f"docker-pullable://registry.example/team/app@{D}",
    "cri-dockerd, built on the node": f"docker://{D}",
    "CRI-O, by name": f"docker.io/library/nginx@{D}",
    "CRI-O, by identifier": D.removeprefix("sha256:"),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_runtime_is_understood(form: str) -> None:
    assert running(FORMS[form]) == D


@pytest.mark.parametrize(
    "text",
    ["", "registry.example/app:v1", "docker://", f"app@{D[:-1]}", f"app@{D.upper()}", "a@b@"],
)
def test_what_names_no_content_is_no_digest(text: str) -> None:
    assert running(text) is None


@given(st.text())
def test_no_text_is_taken_for_more_than_it_is(text: str) -> None:
    found = running(text)

    assert found is None or (found == Digest.parse(found) and found.encoded in text)


@given(st.from_regex(r"(docker(-pullable)?://)?[a-z]+(\.[a-z]+)?/[a-z]+", fullmatch=True))
def test_the_name_before_the_digest_does_not_matter(name: str) -> None:
    assert running(f"{name}@{D}") == D
