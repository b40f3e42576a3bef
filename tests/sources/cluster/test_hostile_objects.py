"""Does one object that somebody made on purpose cost itself only, and never the whole cluster?"""

from __future__ import annotations

import base64
import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from exporter.facts.gap import Reason
from exporter.sources.cluster.cluster import ClusterOptions
from exporter.sources.cluster.controllers import next_run
from exporter.sources.cluster.custom import CustomResource, FieldPath
from exporter.sources.cluster.helm import TooLarge, images
from exporter.sources.cluster.resources import decoded
from tests.sources.cluster.api import Json, Site, cluster, pod
from tests.sources.cluster.test_helm import packed
from tests.sources.cluster.test_resources import ANYTHING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from exporter.facts.use import Use
    from exporter.ports import Listing

PODS = "/api/v1/pods"
HELM = ClusterOptions(helm=True, depth=1)
MANY = 1_001
GOOD = {"manifest": "spec: {containers: [{image: r.example/good:1}]}"}
MEGABYTE = 1 << 20

BOMBS: dict[str, Json | bytes] = {
    "a list of 16 MB": {"manifest": f"[{'a,' * (8 * MEGABYTE - 500)}]"},
    "a list of 2 MB": {"manifest": f"[{'a,' * (MEGABYTE - 500)}]"},
    "many documents": {"manifest": "---\n" * MEGABYTE},
    "many small lists": {"manifest": "---\n[a, b, c, d, e, f, g, h, i, j, k]\n" * 19_000},
    "a text of 4 MB": {"manifest": f"x: |\n{' a' * (2 * MEGABYTE)}"},
    "many directives": {"manifest": "".join(f"%TAG !{n}! x\n" for n in range(50_000))},
    "many hooks": b'{"hooks":[' + b"{}," * (4 * MEGABYTE) + b"{}]}",
    "many hooks with a manifest": {"hooks": [{"manifest": "a"}] * 100_000},
    "a release of 20 MB": {"chart": "x" * (20 * MEGABYTE)},
    "carriage returns": {"manifest": "a: b\r" * 400_000},
}


def seen(site: Site, folder: Path, extent: ClusterOptions | None = None) -> Listing[Use]:
    with cluster(site, folder, extent) as made:
        return made.uses()


def names(found: Listing[Use]) -> set[str]:
    return {f"{use.reference.repository}" for use in found.entries}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_release_that_takes_long_to_read_is_refused_early_and_told(
    tmp_path: Path, bomb: str
) -> None:
    site = Site()
    site.release("bad", 3, BOMBS[bomb])
    site.release("good", 1, GOOD)

    found = seen(site, tmp_path, HELM)

    (gap,) = found.gaps
    assert gap.subject == "prod: Secret shop/sh.helm.release.v1.bad.v3"
    assert gap.reason is Reason.TOO_LARGE
    assert gap.detail.startswith("release bad, revision 3: ")
    assert names(found) == {"good"}


@pytest.mark.parametrize("bomb", BOMBS)
def test_no_release_costs_much_more_than_the_largest_that_is_read(bomb: str) -> None:
    largest = packed({"manifest": f"[{'a, ' * 199_000}]"})
    body = BOMBS[bomb]
    secret = packed(json.loads(body) if isinstance(body, bytes) else body)

    def read() -> None:
        assert images(largest) == []

    def refuse() -> None:
        with pytest.raises(TooLarge):
            images(secret)

    assert seconds(refuse) < 3 * seconds(read)


def seconds(act: Callable[[], None]) -> float:
    """Of this thread, at best: the garbage of other tests may be collected meanwhile."""
    taken = []
    for _ in range(3):
        began = time.thread_time()
        act()
        taken.append(time.thread_time() - began)
    return min(taken)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (BOMBS["many small lists"], Reason.TOO_LARGE),
        ({"manifest": "a: ["}, Reason.MALFORMED),
        ({"manifest": ""}, None),
        (GOOD, None),
    ],
)
def test_what_was_read_of_a_revision_is_not_read_again_until_it_changes(
    tmp_path: Path, document: Json, reason: Reason | None
) -> None:
    site = Site()
    site.release("shop", 1, document)
    with cluster(site, tmp_path, HELM) as made:
        first, second = made.uses(), made.uses()
        once = len([each for each in site.asked if each.endswith("shop.v1")])
        for each in site.objects["/api/v1/secrets"]:
            each["metadata"]["resourceVersion"] = "6"
        third = made.uses()
        twice = len([each for each in site.asked if each.endswith("shop.v1")])

    assert (once, twice) == (1, 2)
    assert first == second == third
    assert [gap.reason for gap in first.gaps] == ([reason] if reason else [])


def test_a_revision_that_could_not_be_reached_is_read_again(tmp_path: Path) -> None:
    site = Site()
    site.release("shop", 1, GOOD)
    path = "/api/v1/namespaces/shop/secrets/sh.helm.release.v1.shop.v1"
    there = site.objects[path]
    site.objects[path] = [{"metadata": {}, "data": {"release": "x" * (5 * MEGABYTE)}}]
    with cluster(site, tmp_path, HELM) as made:
        away = made.uses()
        site.objects[path] = there
        back = made.uses()

    assert [gap.reason for gap in away.gaps] == [Reason.TOO_LARGE]
    assert (names(back), back.gaps) == ({"good"}, ())


def test_many_revisions_are_given_up_together_and_told_in_few_gaps(tmp_path: Path) -> None:
    site = Site()
    for number in range(150):
        site.release(f"r{number}", 1, {"manifest": "a: ["})

    gaps = seen(site, tmp_path, HELM).gaps

    assert len(gaps) == 101
    assert gaps[-1].subject == "50 more"


def many(count: int, **more: Any) -> list[Json]:
    return [{"name": f"c{number}", "image": "r.example/bad:1", **more} for number in range(count)]


TERMS = [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}] * MANY
HOSTILE: dict[str, tuple[Json, Reason]] = {
    "containers": ({"containers": many(MANY)}, Reason.TOO_LARGE),
    "volumes": ({"volumes": [{"image": {"reference": "r.example/x:1"}}] * MANY}, Reason.TOO_LARGE),
    "tolerations": ({"tolerations": [{"operator": "Exists"}] * MANY}, Reason.TOO_LARGE),
    "labels of nodes": ({"nodeSelector": {str(n): "" for n in range(MANY)}}, Reason.TOO_LARGE),
    "terms": (
        {
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": TERMS}
                }
            }
        },
        Reason.TOO_LARGE,
    ),
    "pull secrets": (
        {"imagePullSecrets": [{"name": f"s{n}"} for n in range(101)]},
        Reason.TOO_LARGE,
    ),
    "a long image": ({"containers": many(1, image="a-" * MEGABYTE)}, Reason.MALFORMED),
    "an image of controls": ({"containers": many(1, image="\x1b]0;\x07\u202e")}, Reason.MALFORMED),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_pod_with_too_much_in_it_is_a_gap_and_costs_no_other(tmp_path: Path, kind: str) -> None:
    spec, reason = HOSTILE[kind]
    site = Site()
    site.put(PODS, pod("bad", spec=spec), pod("good"))
    template = {
        "spec": {"template": {"spec": spec}},
        "metadata": {"name": "d", "namespace": "shop"},
    }
    site.put("/apis/apps/v1/deployments", template)

    found = seen(site, tmp_path, ClusterOptions(pull_secrets=True))

    told = {gap.subject: gap.reason for gap in found.gaps}
    assert told == {"Pod shop/bad (prod)": reason, "Deployment shop/d (prod)": reason}
    assert [str(use.workload) for use in found.entries] == ["Pod shop/good (prod)"]
    assert all(gap.detail.isprintable() and len(gap.detail) < 400 for gap in found.gaps)


def test_a_custom_resource_of_very_many_images_is_a_gap_of_its_own(tmp_path: Path) -> None:
    site = Site()
    steps = [{"image": f"r.example/i{number}:1"} for number in range(MANY)]
    metas = [{"metadata": {"name": name, "namespace": "shop"}, "kind": "Run"} for name in "ab"]
    listed = [metas[0] | {"steps": steps}, metas[1] | {"steps": steps[:1]}]
    site.put("/apis/x.example/v1/runs", *listed)
    resource = CustomResource("x.example", "v1", "runs", (FieldPath.parse("steps[*].image"),))

    found = seen(site, tmp_path, ClusterOptions(custom=(resource,)))

    assert names(found) == {"i0"}
    assert [(gap.subject, gap.reason) for gap in found.gaps] == [
        ("Run shop/a (prod)", Reason.TOO_LARGE)
    ]


def test_objects_too_large_for_one_page_hide_no_other(tmp_path: Path) -> None:
    site = Site()
    for number in range(40):
        bad = {"annotations": {"x": "y" * MEGABYTE}} if number > 5 else {}
        site.put(PODS, pod(f"p{number}", f"r.example/i{number}:1", **bad))

    found = seen(site, tmp_path)

    assert (len(found.entries), found.gaps) == (40, ())


def test_no_name_carries_what_moves_a_cursor(tmp_path: Path) -> None:
    odd = "\x1b]0;x\x07\x9b31m\u202eevil\n"
    owner = {"kind": odd, "name": f"{odd}{'x' * MEGABYTE}", "uid": "o", "controller": True}
    site = Site()
    site.put(PODS, pod("p", ownerReferences=[owner], spec={"imagePullSecrets": [{"name": odd}]}))
    site.put(PODS, pod(odd, namespace=odd))
    info = {"architecture": "amd64", "operatingSystem": "linux"}
    held = {"nodeInfo": info, "images": [{"names": ["r.example/app:1"]}]}
    site.put("/api/v1/nodes", {"metadata": {"name": odd}, "status": held})
    site.release("shop", 1, GOOD)
    for each in site.objects["/api/v1/secrets"]:
        each["metadata"]["labels"]["name"] = odd

    found = seen(site, tmp_path, ClusterOptions(pull_secrets=True, helm=True))

    assert len(found.entries) == 3
    for use in found.entries:
        told = [use.owner, str(use.workload), use.login, *(each.node for each in use.holders)]
        assert all(each.isprintable() and len(each) < 1_000 for each in told)


def test_a_pull_secret_is_never_a_path_to_something_else(tmp_path: Path) -> None:
    site = Site()
    name = "../../other/secrets/theirs"
    site.put(PODS, pod("p", spec={"imagePullSecrets": [{"name": name}]}))

    with cluster(site, tmp_path, ClusterOptions(pull_secrets=True)) as made:
        assert made.uses().gaps == ()
        assert made.pull_secrets() == {f"prod shop: {name}": ()}
    assert not [path for path in site.asked if "other" in path]


def logins(size: int) -> Json:
    content = base64.b64encode(b" " * size).decode()
    return {
        "metadata": {},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": content},
    }


def test_many_pull_secrets_in_one_namespace_use_up_none_of_the_others(tmp_path: Path) -> None:
    site = Site()
    for number in range(150):
        secrets = [{"name": f"s{number}"}]
        site.put(PODS, pod(f"p{number}", spec={"imagePullSecrets": secrets}))
        site.put(f"/api/v1/namespaces/shop/secrets/s{number}", logins(255 * 1024))
    site.put(PODS, pod("p", namespace="zoo", spec={"imagePullSecrets": [{"name": "s"}]}))
    site.put("/api/v1/namespaces/zoo/secrets/s", logins(10))
    site.put(PODS, pod("q", namespace="zoo", spec={"imagePullSecrets": [{"name": "large"}]}))
    site.put("/api/v1/namespaces/zoo/secrets/large", logins(300 * 1024))

    with cluster(site, tmp_path, ClusterOptions(pull_secrets=True)) as made:
        gaps = made.uses().gaps
        held = made.pull_secrets()

    assert held["prod zoo: s"] == (b" " * 10,)
    assert sum(len(each) for group in held.values() for each in group) <= 32 * MEGABYTE
    assert {gap.reason for gap in gaps} == {Reason.TOO_LARGE}
    assert "prod: Secret zoo/large" in {gap.subject for gap in gaps}


def test_texts_that_never_end_are_looked_through_once() -> None:
    """By the ratio of two lengths: twice the length must not take four times as long."""

    def refused(length: int) -> None:
        with pytest.raises(ValueError, match="not the requested document"):
            decoded(b'{"a": ' + b"[" * 5_000 + b'\\"' * length, ANYTHING)

    took = [seconds(partial(refused, length)) for length in (100_000, 400_000)]

    assert took[1] < 10 * took[0] + 0.1


def test_a_long_schedule_is_not_looked_at() -> None:
    assert next_run("*" + " " * MEGABYTE + "* * * *", None, 0.0) is None
