"""Are the images of a Helm release read as Helm wrote them, whatever else a Secret may hold?"""

from __future__ import annotations

import base64
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.oci.digest import Malformed
from exporter.sources.cluster.helm import images

MANIFEST = """---
# Source: shop/templates/web.yaml
apiVersion: apps/v1
kind: Deployment
spec:
  template:
    spec:
      initContainers: [{name: i, image: "r.example/init:1"}]
      containers:
        - name: web
          image: r.example/app:1
        - {image: r.example/side:1, name: side}
      volumes:
        - name: model
          image: {reference: r.example/model:1}
---
apiVersion: batch/v1
kind: CronJob
spec: {jobTemplate: {spec: {template: {spec: {containers: [{image: r.example/app:1}]}}}}}
---
kind: ConfigMap
data: {image: r.example/not:1, "on": [image, {image: r.example/nor:1}]}
"""


def packed(document: object) -> str:
    release = base64.b64encode(gzip.compress(json.dumps(document).encode()))
    return base64.b64encode(release).decode()


def test_every_container_and_volume_of_every_document_counts_once() -> None:
    hook = "kind: Job\nspec: {template: {spec: {containers: [{image: r.example/hook:1}]}}}"
    release = {"manifest": MANIFEST, "hooks": [{"manifest": hook}]}

    assert images(packed(release)) == [
        "r.example/init:1",
        "r.example/app:1",
        "r.example/side:1",
        "r.example/model:1",
        "r.example/hook:1",
    ]


def test_a_release_without_hooks_or_manifest_wants_nothing() -> None:
    assert images(packed({"manifest": "", "hooks": None})) == []


def test_an_image_that_admission_replaces_is_none() -> None:
    gateway = "spec: {containers: [{name: istio-proxy, image: auto}]}"

    assert images(packed({"manifest": gateway})) == []


def test_an_image_behind_an_alias_is_not_passed_over() -> None:
    aliased = "x: &a r.example/app:1\nspec: {containers: [{image: *a}]}"

    assert images(packed({"manifest": aliased})) == ["*a"]


@pytest.mark.parametrize(
    "manifest",
    ["a: [", "[" * 100, "? {a: b}\n: {containers: [{image: x}]}", "\x00"],
    ids=["broken", "deep", "a key that is a map", "control"],
)
def test_a_manifest_that_cannot_be_read_is_told(manifest: str) -> None:
    with pytest.raises(Malformed):
        images(packed({"manifest": manifest}))


def test_a_release_that_unpacks_to_more_than_it_may_is_refused() -> None:
    bomb = gzip.compress(b'{"manifest": "' + b" " * (40 * 1024 * 1024) + b'"}')

    with pytest.raises(Malformed, match="more than"):
        images(base64.b64encode(base64.b64encode(bomb)).decode())


def test_a_release_that_is_cut_off_is_refused() -> None:
    whole = gzip.compress(json.dumps({"manifest": MANIFEST}).encode())

    with pytest.raises(Malformed):
        images(base64.b64encode(base64.b64encode(whole[:-9])).decode())


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_nothing_but_a_release_is_taken_for_one(content: bytes) -> None:
    with pytest.raises(Malformed):
        images(base64.b64encode(content).decode() if content else "!")


@given(st.text(alphabet="ab:-?[]{}& *\n\"'#,| ", max_size=60))
def test_no_manifest_breaks_the_reading(manifest: str) -> None:
    try:
        images(packed({"manifest": manifest}))
    except Malformed:
        return
