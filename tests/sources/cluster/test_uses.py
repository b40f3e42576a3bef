"""Is what belongs together one use, with the platforms that must, and those that may, run it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Reason
from exporter.facts.use import ReferenceClass, Use, Workload
from exporter.oci.platform import Platform
from exporter.sources.cluster.controllers import of_daemons, of_replicated, of_schedules
from exporter.sources.cluster.images import PodImage, of_pods
from exporter.sources.cluster.names import Owners
from exporter.sources.cluster.nodes import ClusterNodes
from exporter.sources.cluster.objects import Controller
from exporter.sources.cluster.uses import merged
from tests.sources.cluster import made

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.sources.cluster.objects import Node, Pod

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
IMAGE = "r.example/app:1"
NODES = [made.node("x1", "amd64"), made.node("a1", "arm64"), made.node("a2", "arm64", pool="gpu")]


def pods(*nodes: str, image: str = IMAGE, **spec: object) -> list[Pod]:
    """Pods of one Deployment, each bound to a node."""
    return [
        made.pod(
            f"p{n}",
            made.spec(image, nodeName=node, **spec),
            made.status(f"r.example/app@{made.DIGEST}"),
            owner=("Deployment", "web"),
        )
        for n, node in enumerate(nodes)
    ]


def used(
    wants: Iterable[PodImage], nodes: list[Node] | None = None, *, whole: bool = True
) -> list[Use]:
    found = merged(wants, ClusterNodes(NODES if nodes is None else nodes, whole=whole))
    assert found.complete
    return list(found.entries)


def running(*nodes: str, **spec: object) -> Iterable[PodImage]:
    return of_pods(pods(*nodes, **spec), Owners("prod"))


def test_many_pods_of_a_deployment_are_one_use_with_its_template() -> None:
    owners = Owners("prod")
    template = of_replicated("Deployment", [made.replicated("web", IMAGE, 3)], owners)

    (use,) = used([*template, *running("x1", "x1", "")])

    assert use.owner == "Deployment shop/web (prod)"
    assert (use.alive, use.running) == (3, {made.DIGEST})
    assert use.reference_class is ReferenceClass.LIVE


def test_the_nodes_of_its_pods_must_run_it_and_further_ones_may() -> None:
    (use,) = used(running("x1"))

    assert (use.platforms, use.admitted) == ({AMD64}, {ARM64})


def test_a_pod_that_nobody_makes_anew_is_started_on_its_node_alone() -> None:
    bare = made.pod("p", made.spec(IMAGE, nodeName="x1"))
    static = made.pod("s", made.spec(IMAGE, nodeName="a1"), owner=("Node", "a1"))
    waiting = made.pod("w", made.spec(IMAGE))

    uses = used(of_pods([bare, static, waiting], Owners("")))

    assert [(use.platforms, use.admitted) for use in uses] == [
        ({AMD64}, set()),
        ({ARM64}, set()),
        (set(), {AMD64, ARM64}),
    ]


def test_a_template_that_names_its_node_is_started_there_and_nowhere_else() -> None:
    template = {"template": {"spec": made.spec(IMAGE, nodeName="a1")}}
    pinned = made.read({"metadata": made.meta("web"), "spec": template}, Controller)

    (use,) = used(of_replicated("Deployment", [pinned], Owners("")))

    assert (use.platforms, use.admitted) == ({ARM64}, set())


def test_a_selector_keeps_platforms_out_of_what_may_run_it() -> None:
    (use,) = used(running("x1", nodeSelector={"kubernetes.io/arch": "amd64"}))

    assert (use.platforms, use.admitted) == ({AMD64}, set())


def test_without_a_pod_nothing_must_run_it_and_what_admits_it_may() -> None:
    (use,) = used(running("", nodeSelector={"pool": "gpu"}))

    assert (use.platforms, use.admitted) == (set(), {ARM64})


def test_every_node_that_admits_a_daemon_must_run_it() -> None:
    fleet = ClusterNodes(NODES, whole=True)
    daemons = of_daemons([made.replicated("agent", IMAGE)], Owners("prod"), fleet)

    (use,) = used(daemons)

    assert (use.platforms, use.admitted) == ({AMD64, ARM64}, set())


def test_a_node_that_cannot_be_seen_leaves_its_platforms_unknown() -> None:
    (use,) = used(running("x1", "elsewhere"), whole=False)
    (blind,) = used(running("x1"), [], whole=False)

    assert (use.platforms, use.admitted) == (set(), set())
    assert (blind.platforms, blind.admitted) == (set(), set())


def test_a_node_that_has_left_needs_nothing_any_more() -> None:
    (use,) = used(running("x1", "gone"))

    assert use.platforms == {AMD64}


@pytest.mark.parametrize(("arch", "system"), [("", "linux"), ("amd64", ""), ("", ""), ("a/b", "x")])
def test_a_node_that_does_not_say_what_it_is_leaves_its_platforms_unknown(
    arch: str, system: str
) -> None:
    virtual = made.node("new", arch, system=system)

    (use,) = used(running("x1", "new"), [*NODES, virtual])

    assert (use.platforms, use.admitted) == (set(), set())


def test_one_workload_may_have_an_image_under_two_classes() -> None:
    owners = Owners("prod")
    rest = of_replicated("Deployment", [made.replicated("web", IMAGE, 0)], owners)

    classes = {use.reference_class for use in used([*rest, *running("x1")])}

    assert classes == {ReferenceClass.LIVE, ReferenceClass.IDLE}


def test_nodes_that_hold_an_image_are_named_by_its_name_or_by_what_runs_but_few_of_them() -> None:
    by_name = [made.node(f"n{n}", "amd64", IMAGE) for n in range(3, 7)]
    by_content = made.node("n1", "arm64", f"r.example/app@{made.DIGEST}")
    other = made.node("n0", "amd64", "r.example/app:2", "other.example/app:1", "<none>:<none>")

    (use,) = used(running("n3"), [*by_name, by_content, other])

    assert [holder.node for holder in use.holders] == ["n1", "n3", "n4"]
    assert use.holders[0].platform == ARM64


def test_a_node_holds_what_is_pinned_by_its_digest_whatever_its_tag_is() -> None:
    pinned = f"r.example/app:1@{made.DIGEST}"
    other = made.node("n1", "amd64", IMAGE)
    same = made.node("n2", "amd64", f"r.example/app@{made.DIGEST}")
    template = of_replicated("Deployment", [made.replicated("web", pinned)], Owners(""))

    (use,) = used(template, [other, same])

    assert [holder.node for holder in use.holders] == ["n2"]


def test_the_next_run_of_a_schedule_is_kept() -> None:
    (use,) = used(of_schedules([made.schedule("s", IMAGE, "@daily")], Owners(""), 0.0))

    assert use.next_run == 24 * 3600


def test_a_text_that_is_no_reference_is_a_gap_that_names_its_workload_and_costs_no_other() -> None:
    found = merged([*running("x1"), *running("x1", image="UPPER")], ClusterNodes([], whole=False))

    (gap,) = found.gaps
    assert (gap.subject, gap.reason) == ("Deployment shop/web (prod)", Reason.MALFORMED)
    assert [str(use.reference) for use in found.entries] == [IMAGE]


def waiting(reason: str, message: str = "", *, kind: str = "container", name: str = "c0") -> object:
    """The status of a pod, one container of which waits."""
    state = {"waiting": {"reason": reason, "message": message}}
    statuses = [{"name": name, "image": IMAGE, "state": state}]
    return {"phase": "Pending", f"{kind}Statuses": statuses}


def pending(name: str, status: object, *images: str, **spec: object) -> Pod:
    """A pod of Deployment web."""
    document = made.spec(*(images or (IMAGE,)), **spec)
    return read_pod(name, document, status)


def read_pod(name: str, document: object, status: object) -> Pod:
    return made.pod(name, document, status, owner=("Deployment", "web"))  # type: ignore[arg-type] # JSON


def failing(*pods: Pod) -> dict[str, tuple[int, str]]:
    """By image, how many pods fail to pull it, and why."""
    uses = used(of_pods(pods, Owners("")))
    return {
        str(use.reference): (use.failing_pulls, use.pull_error)
        for use in uses
        if use.failing_pulls or use.pull_error
    }


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff"])
@pytest.mark.parametrize("kind", ["container", "initContainer"])
def test_pods_that_fail_to_pull_are_counted_with_the_registrys_words(
    reason: str, kind: str
) -> None:
    cause = f'failed to resolve reference "{IMAGE}": {IMAGE}: not found'
    words = {
        "ErrImagePull": cause,
        "ImagePullBackOff": f'Back-off pulling image "{IMAGE}": ErrImagePull: {cause}',
    }
    containers = {"initContainers": [{"name": "i", "image": IMAGE}]}
    status = waiting(reason, words[reason], kind=kind, name="i" if "init" in kind else "c0")
    bare = waiting("ImagePullBackOff", f'Back-off pulling image "{IMAGE}"')

    found = failing(pending("a", bare), pending("b", status, **containers))

    assert found == {IMAGE: (2, cause)}


@pytest.mark.parametrize(
    "reason", ["ErrImageNeverPull", "InvalidImageName", "ContainerCreating", "CrashLoopBackOff", ""]
)
def test_a_pod_that_waits_for_something_else_fails_no_pull(reason: str) -> None:
    assert not failing(pending("a", waiting(reason, "ErrImagePull")))


def test_a_pod_counts_once_for_an_image_of_two_containers() -> None:
    status = {
        "phase": "Pending",
        "containerStatuses": [
            {"name": f"c{n}", "state": {"waiting": {"reason": "ErrImagePull", "message": "denied"}}}
            for n in (0, 1)
        ],
    }

    assert failing(pending("a", status, IMAGE, IMAGE)) == {IMAGE: (1, "denied")}


@pytest.mark.parametrize("ended", [{"phase": "Failed"}, {"phase": "Succeeded"}])
def test_a_pod_that_has_ended_fails_no_pull_any_more(ended: dict[str, str]) -> None:
    status = waiting("ErrImagePull", "denied")
    assert isinstance(status, dict)

    assert not failing(pending("a", status | ended))


def test_of_an_image_volume_the_nodes_words_tell_which_image_it_is() -> None:
    volume = "r.example/data:1"
    volumes = [{"name": "v", "image": {"reference": volume}}]
    message = f'Back-off pulling image "{volume}": ErrImagePull: denied'

    assert failing(
        pending("a", waiting("ImagePullBackOff", message), volumes=volumes),
        pending("b", waiting("ErrImagePull", "denied"), volumes=volumes),
    ) == {volume: (1, "denied")}


def test_words_of_a_node_are_bounded_printable_and_without_credentials() -> None:
    signed = "https://me:secret@cdn.example/blob?X-Amz-Signature=secret&a=b"
    message = f'Get "{signed}": dial tcp:\n\x1b[2J i/o timeout {"x" * 9_000}'

    ((_, words),) = failing(pending("a", waiting("ErrImagePull", message))).values()

    assert words.startswith('Get "https://…@cdn.example/blob?…": dial tcp: \ufffd[2J i/o timeout x')
    assert "secret" not in words
    assert len(words) <= 301


@pytest.mark.parametrize(
    ("template", "barred"), [("sandbox", {True}), ("another", {True, False})], ids=str
)
def test_pods_show_what_a_runtime_class_adds_that_cannot_be_read(
    template: str, barred: set[bool]
) -> None:
    spec = {"template": {"spec": made.spec(IMAGE, runtimeClassName=template)}}
    controller = made.read({"metadata": made.meta("web"), "spec": spec}, Controller)
    wants = of_replicated("Deployment", [controller], Owners("prod"))
    windows = {"nodeSelector": {"kubernetes.io/os": "windows"}, "runtimeClassName": "sandbox"}

    found = used([*wants, *running("w1", **windows)], [], whole=False)

    assert {AMD64 in use.barred for use in found} == barred


def resource_on(*nodes: Node, whole: bool = True) -> Use:
    """What a custom resource uses of which no pod is there."""
    image = PodImage(Workload("prod", "shop", "Service", "web"), IMAGE, ReferenceClass.LIVE)
    (use,) = used([image], list(nodes), whole=whole)
    return use


def test_what_says_nothing_of_nodes_is_started_on_none_that_is_not_there() -> None:
    x1, a1, _ = NODES
    windows = Platform("windows", "amd64")

    assert resource_on(x1).platforms == {AMD64}
    mixed = resource_on(x1, a1)
    assert not mixed.platforms | mixed.admitted
    assert windows in mixed.barred
    assert not {AMD64, ARM64} & mixed.barred
    unsure = (resource_on(), resource_on(x1, whole=False), resource_on(x1, made.node("k1", "")))
    assert not any(each.platforms | each.admitted | each.barred for each in unsure)
