"""Is the content that runs read from whatever a container runtime writes in `imageID`?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.oci.digest import Digest
from exporter.oci.reference import Reference
from exporter.sources.cluster.uses import running

D = f"sha256:{'0123456789abcdef' * 4}"
APP = "registry.example:5000/team/app"
FORMS = {
    "containerd": (f"{APP}@{D}", APP),
    "containerd, imported without a registry": (D, APP),
    "cri-dockerd, pulled": (f"docker-pullable://{APP}@{D}", APP),
    "cri-dockerd, pulled from Docker Hub": (f"docker-pullable://nginx@{D}", "docker.io/nginx"),
    "cri-dockerd, built on the node": (f"docker://{D}", APP),
    "CRI-O, by name": (f"docker.io/library/nginx@{D}", "nginx:1.27"),
    "CRI-O, by identifier": (D.removeprefix("sha256:"), APP),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_runtime_is_understood(form: str) -> None:
    image_id, wanted = FORMS[form]

    assert running(image_id, Reference.parse(wanted)) == D


@pytest.mark.parametrize(
    "text",
    ["", "registry.example/app:v1", "docker://", f"app@{D[:-1]}", f"app@{D.upper()}", "a@b@"],
)
def test_what_names_no_content_is_no_digest(text: str) -> None:
    assert running(text, Reference.parse("app")) is None


@pytest.mark.parametrize("name", ["staging.example/team/app", "registry.example:5000/dev/app"])
def test_what_another_repository_calls_the_same_image_says_nothing_of_this_one(name: str) -> None:
    assert running(f"{name}@{D}", Reference.parse(f"{APP}:v1")) is None


@given(st.text())
def test_no_text_is_taken_for_more_than_it_is(text: str) -> None:
    found = running(text, Reference.parse(APP))

    assert found is None or (found == Digest.parse(found) and found.encoded in text)


@given(st.from_regex(r"[a-z]+(\.[a-z]+)?/[a-z]+", fullmatch=True))
def test_the_name_before_the_digest_may_be_any(name: str) -> None:
    assert running(f"docker-pullable://{name}@{D}", Reference.parse(name)) == D
