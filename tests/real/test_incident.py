"""Does the incident show, before it happens and after, from the registry to the pager?

Debian's registry 2.8 with the descriptor cache of the official image, `skopeo copy --all`, and a
collection under the running server. Nobody restarts anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.parts import layout
from tests.parts.monitoring import watch
from tests.parts.process import until
from tests.parts.product import Exporter, exporter
from tests.parts.registry import Registry, registry
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.worlds import Made

pytestmark = pytest.mark.real

APP, WEB = two_platforms("app"), two_platforms("web")
PLATFORMS = {"linux/amd64", "linux/arm64"}
SWEEP = "--delete-untagged"


@dataclass(frozen=True, slots=True)
class Site:
    """A registry with two live images, and the exporter that watches it."""

    registry: Registry
    exporter: Exporter
    folder: Path

    def push(self, made: Made, repository: str) -> None:
        """Push an image as people do."""
        skopeo(self.folder, self.registry, made, repository)


def skopeo(folder: Path, server: Registry, made: Made, repository: str) -> None:
    source = folder / "layouts" / repository
    layout.write(source, made, "v1")
    where = f"{server.host}/{repository}:v1"
    layout.skopeo_push(source, "v1", where, "--dest-tls-verify=false")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with registry(tmp_path / "registry") as server:
        skopeo(tmp_path, server, APP, "team/app")
        skopeo(tmp_path, server, WEB, "team/web")
        live = tmp_path / "live.txt"
        live.write_text(f"{server.host}/team/app:v1\n{server.host}/team/web:v1\n")
        settings = {
            "registries": [{"url": server.url, "name": "main", "plain_http": True}],
            "references": [{"file": str(live)}],
            "interval": "1h",  # and when it is told to: no audit meets half of a collection
        }
        with exporter(tmp_path / "exporter", settings) as watching:
            yield Site(server, watching, tmp_path)


def test_before_it_everything_is_there_and_both_children_are_unprotected(site: Site) -> None:
    said = site.exporter.audit()

    for name in ("team/app:v1", "team/web:v1"):
        assert said.state(name) == "present"
        children = said.children(name)
        assert set(children) == PLATFORMS
        for child in children.values():
            assert child["state"] == "present"
            assert child["proof"] == "last-byte"
            assert child["protected_by"] == []
    assert len(said.found("unprotected-child")) == 4
    assert said.registry["collector"] == "distribution-2"
    labels = {"repository": "team/app", "tag": "v1", "class": "live", "need": "required"}
    assert site.exporter.value("pullproof_tag_unprotected_children", **labels) == 2
    assert site.exporter.value("pullproof_tag_missing_children", **labels) == 0
    assert site.exporter.value("pullproof_tags", state="present") == 2


def test_after_it_the_children_are_missing_though_the_tag_answers(site: Site) -> None:
    site.exporter.audit()
    site.registry.collect(SWEEP)

    said = site.exporter.audit()

    with site.registry.client("team/app") as client:
        assert client.head("manifests", "v1").status_code == 200
        assert client.get("manifests", "v1").content == APP.body
    assert said.state("team/app:v1") == "broken"
    for platform, child in said.children("team/app:v1").items():
        assert (platform in PLATFORMS, child["state"]) == (True, "missing")
        assert child["proof"] == "confirmed"
    labels = {"repository": "team/app", "tag": "v1", "class": "live", "need": "required"}
    assert site.exporter.value("pullproof_tag_missing_children", **labels) == 2


def test_a_repair_by_pushing_again_leaves_it_broken_behind_2xx_answers(site: Site) -> None:
    site.exporter.audit()
    site.registry.collect(SWEEP)
    assert site.exporter.audit().state("team/web:v1") == "broken"

    site.push(WEB, "team/web")  # "Layer already exists", says the cache

    with site.registry.client("team/web") as client:
        for child in WEB.children:
            assert client.get("manifests", child.digest).content == child.body
            for blob in child.blobs:
                head = client.head("blobs", blob.digest)
                assert head.status_code == 200
                assert int(head.headers["Content-Length"]) == len(blob.body)
                assert client.bytes_of(blob)[0] == 200
                assert client.bytes_of(blob, last_only=True)[0] == 206
    said = site.exporter.audit()
    assert said.state("team/web:v1") == "broken"
    children = said.children("team/web:v1")
    assert set(children) == PLATFORMS
    for made, child in zip(WEB.children, children.values(), strict=True):
        assert child["state"] == "broken"
        assert {lack["digest"] for lack in child["lacks"]} == {blob.digest for blob in made.blobs}
    assert said.states("team/app:v1") == dict.fromkeys(PLATFORMS, "missing")


def test_one_page_for_a_tag_names_its_platforms_and_digests(site: Site) -> None:
    site.exporter.audit()
    with watch(site.folder, site.exporter.address) as watching:
        warned = "RegistryLiveTagsUnprotected"
        (at_risk,) = until(lambda: watching.tickets.alerts(warned), "one warning before the loss")
        assert at_risk["labels"].keys() == {"alertname", "registry", "severity"}
        assert {"team/app:v1", "team/web:v1"} <= set(
            re.split(r"[ ,.]+", at_risk["annotations"]["description"])
        )
        firing, pages = watching.prometheus.firing, watching.pager.pages
        assert not pages

        site.registry.collect(SWEEP)
        site.exporter.audit()

        until(lambda: len(firing("RegistryLiveTagBroken")) == 2, "two tags are broken")
        until(lambda: len(pages) >= 2, "a page for each tag")
        for _ in range(3):
            site.exporter.audit()
        assert len(pages) == 2
        for repository, made in (("team/app", APP), ("team/web", WEB)):
            (page,) = (p for p in pages if p["groupLabels"]["repository"] == repository)
            (alert,) = page["alerts"]
            assert alert["labels"] == {
                "alertname": "RegistryLiveTagBroken",
                "registry": "main",
                "repository": repository,
                "tag": "v1",
                "severity": "critical",
            }
            for child in made.children:
                line = f"{child.platform} {child.digest} missing"
                assert line in alert["annotations"]["description"]
