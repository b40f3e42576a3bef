"""Does each kind of object want what it would start, and under the class that it deserves?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.facts.use import ReferenceClass
from exporter.sources.cluster import controllers
from exporter.sources.cluster.images import of_pods
from exporter.sources.cluster.names import Owners
from exporter.sources.cluster.nodes import ClusterNodes
from exporter.sources.cluster.objects import Controller
from exporter.sources.cluster.uses import merged
from tests.sources.cluster import made

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.sources.cluster.images import PodImage

LIVE, IDLE, ROLLBACK = ReferenceClass.LIVE, ReferenceClass.IDLE, ReferenceClass.ROLLBACK
NOW = 1_767_225_600.0  # 2026-01-01


@pytest.fixture
def owners() -> Owners:
    return Owners("")


def classes(wants: Iterable[PodImage]) -> dict[str, ReferenceClass]:
    return {want.image: want.reference_class for want in wants}


def whose(wants: Iterable[PodImage]) -> set[str]:
    return {str(want.workload) for want in wants}


def test_zero_replicas_are_idle_and_an_unstated_number_is_one(owners: Owners) -> None:
    some = (
        made.replicated("a", "a:1"),
        made.replicated("b", "b:1", 0),
        made.replicated("c", "c:1", None),
    )

    found = classes(controllers.of_replicated("Deployment", some, owners))

    assert found == {"a:1": LIVE, "b:1": IDLE, "c:1": LIVE}


def test_old_replica_sets_are_rollback_within_the_depth_and_nothing_beyond(owners: Owners) -> None:
    owner = {"owner": ("Deployment", "web")}
    sets = [
        made.replicated("w4", "app:4", 2, revision=10, **owner),
        made.replicated("w1", "app:1", 0, revision=7, **owner),
        made.replicated("w3", "app:3", 0, revision=9, **owner),
        made.replicated("w2", "app:2", 0, revision=8, **owner),
    ]

    wants = list(controllers.of_replica_sets(sets, owners, 2))

    assert classes(wants) == {"app:4": LIVE, "app:3": ROLLBACK, "app:2": ROLLBACK}
    assert whose(wants) == {"Deployment shop/web"}
    assert classes(controllers.of_replica_sets(sets, owners, 0)) == {"app:4": LIVE}


def test_an_old_replica_set_with_replicas_is_live_in_the_middle_of_a_rollout(
    owners: Owners,
) -> None:
    owner = {"owner": ("Deployment", "web")}
    sets = [
        made.replicated("new", "app:2", 1, revision=2, **owner),
        made.replicated("old", "app:1", 2, revision=1, **owner),
    ]

    assert classes(controllers.of_replica_sets(sets, owners, 0)) == {"app:2": LIVE, "app:1": LIVE}


@pytest.mark.parametrize("mark", ["", "x", "9" * 5000])
def test_where_no_number_tells_the_younger_replica_set_is_the_newer(
    owners: Owners, mark: str
) -> None:
    owner = ("Rollout", "web")
    sets = [
        made.read(
            {
                "metadata": made.meta(
                    f"w{day}",
                    owner,
                    annotations={"rollout.argoproj.io/revision": mark},
                    creationTimestamp=f"2026-01-0{day}T00:00:00Z",
                ),
                "spec": {"replicas": 0, "template": {"spec": made.spec(f"app:{day}")}},
            },
            Controller,
        )
        for day in (1, 3, 2)
    ]

    found = classes(controllers.of_replica_sets(sets, owners, 1))

    assert found == {"app:3": IDLE, "app:2": ROLLBACK}


def test_a_replica_set_of_its_own_at_zero_is_idle(owners: Owners) -> None:
    alone = [made.replicated("a", "a:1", 0), made.replicated("b", "b:1", 0)]

    assert classes(controllers.of_replica_sets(alone, owners, 5)) == {"a:1": IDLE, "b:1": IDLE}


def test_the_revisions_before_the_newest_are_rollback(owners: Owners) -> None:
    owner = ("StatefulSet", "db")
    kept = [made.revision(f"r{n}", f"db:{n}", n, owner) for n in (1, 3, 2)]

    wants = list(controllers.of_revisions(kept, owners, 1))

    assert classes(wants) == {"db:2": ROLLBACK}
    assert whose(wants) == {"StatefulSet shop/db"}


@pytest.mark.parametrize(
    ("partition", "replicas", "expected"),
    [(2, 3, LIVE), (0, 3, None), (None, 3, None), (2, 0, None)],
)
def test_what_a_partition_keeps_from_the_newest_revision_is_live(
    owners: Owners, partition: int | None, replicas: int, expected: ReferenceClass | None
) -> None:
    owner = ("StatefulSet", "db")
    kept = [made.revision(f"r{n}", f"db:{n}", n, owner) for n in (1, 2, 3)]
    document = {
        "metadata": made.meta("db"),
        "spec": {
            "replicas": replicas,
            "template": {"spec": made.spec("db:3")},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}},
        },
        "status": {"currentRevision": "r1", "updateRevision": "r3"},
    }
    database = made.read(document, Controller)

    found = classes(controllers.of_revisions(kept, owners, 1, [database]))

    assert found.get("db:1") is expected
    assert found["db:2"] is ROLLBACK


def test_a_revision_of_a_foreign_controller_wants_nothing(owners: Owners) -> None:
    newest = made.revision("r2", "x:2", 2, ("Other", "o"))
    foreign = made.read(
        {"metadata": made.meta("r1", ("Other", "o")), "revision": 1, "data": [7]}, type(newest)
    )

    assert list(controllers.of_revisions([newest, foreign], owners, 5)) == []


@pytest.mark.parametrize("data", [[7], {"spec": {"template": {"spec": {"containers": 7}}}}])
def test_a_revision_that_cannot_be_read_is_shown_and_not_passed_over(
    owners: Owners, data: object
) -> None:
    owner = ("StatefulSet", "db")
    newest = made.revision("r2", "x:2", 2, owner)
    odd = made.read({"metadata": made.meta("r1", owner), "revision": 1, "data": data}, type(newest))

    (want,) = controllers.of_revisions([newest, odd], owners, 5)

    found = merged([want], ClusterNodes([], whole=True))
    assert [gap.subject for gap in found.gaps] == ["StatefulSet shop/db"]
    assert "ControllerRevision r1" in found.gaps[0].detail


def test_a_job_that_ended_wants_nothing_and_a_suspended_one_is_idle(owners: Owners) -> None:
    jobs = [
        made.job("a", "a:1"),
        made.job("b", "b:1", "Complete"),
        made.job("c", "c:1", "Failed"),
        made.job("d", "d:1", suspend=True),
        made.job("e", "e:1", "Suspended"),
    ]
    undone = made.job("f", "f:1", "Complete", status="False")

    found = classes(controllers.of_jobs([*jobs, undone], owners))

    assert found == {"a:1": LIVE, "d:1": IDLE, "e:1": LIVE, "f:1": LIVE}


def test_a_schedule_is_live_and_tells_when_it_runs_unless_it_is_suspended(owners: Owners) -> None:
    both = (
        made.schedule("a", "a:1", "0 3 * * *"),
        made.schedule("b", "b:1", "0 3 * * *", suspend=True),
    )

    on, off = controllers.of_schedules(both, owners, NOW)

    assert (on.reference_class, on.next_run) == (LIVE, NOW + 3 * 3600)
    assert (off.reference_class, off.next_run) == (IDLE, None)


def test_a_daemon_set_that_no_node_admits_is_idle_where_all_nodes_are_seen(owners: Owners) -> None:
    daemons = [
        made.read(
            {
                "metadata": made.meta("agent"),
                "spec": {"template": {"spec": made.spec("agent:1", nodeSelector={"gpu": "yes"})}},
            },
            type(made.replicated("x", "x")),
        )
    ]
    nodes = [made.node("n1", "amd64")]

    def found(fleet: ClusterNodes) -> dict[str, ReferenceClass]:
        return classes(controllers.of_daemons(daemons, owners, fleet))

    assert found(ClusterNodes(nodes, whole=True)) == {"agent:1": IDLE}
    assert found(ClusterNodes([*nodes, made.node("n2", "arm64", gpu="yes")], whole=True)) == {
        "agent:1": LIVE
    }
    assert found(ClusterNodes([], whole=False)) == {"agent:1": LIVE}
    assert found(ClusterNodes([made.node("virtual", "", gpu="yes")], whole=True)) == {
        "agent:1": LIVE
    }
    assert found(ClusterNodes([made.node("virtual", "")], whole=True)) == {"agent:1": IDLE}


def test_every_kind_of_container_of_a_pod_counts_and_says_what_it_runs(owners: Owners) -> None:
    document = made.spec(
        "app:1",
        initContainers=[{"name": "i", "image": "init:1"}],
        ephemeralContainers=[{"name": "e", "image": "debug:1"}, {"name": "f", "image": "ended:1"}],
        volumes=[{"name": "v", "image": {"reference": "model:1"}}, {"name": "w", "emptyDir": {}}],
    )
    told = made.status(f"app@{made.DIGEST}")
    told["initContainerStatuses"] = [{"name": "i", "imageID": made.DIGEST}]
    told["ephemeralContainerStatuses"] = [{"name": "f", "state": {"terminated": {"exitCode": 0}}}]

    wants = {want.image: want for want in of_pods([made.pod("p", document, told)], owners)}

    assert wants.keys() == {"app:1", "init:1", "debug:1", "model:1"}
    assert (wants["app:1"].image_id, wants["app:1"].alive) == (f"app@{made.DIGEST}", True)
    assert (wants["init:1"].image_id, wants["init:1"].alive) == (made.DIGEST, False)


def test_a_container_that_ended_and_is_not_restarted_wants_nothing(owners: Owners) -> None:
    """A runner of a build: what prepared it ended, and its sidecar is started again."""
    document = made.spec(
        "build:1",
        "clone:1",
        initContainers=[
            {"name": "i", "image": "init:1"},
            {"name": "s", "image": "sidecar:1", "restartPolicy": "Always"},
        ],
    )
    ended = {"terminated": {"exitCode": 0}}
    told = made.status(made.DIGEST, made.DIGEST)
    told["containerStatuses"][1]["state"] = ended
    told["initContainerStatuses"] = [{"name": each, "state": ended} for each in "is"]

    def found(policy: str) -> set[str]:
        pod = made.pod("p", document | {"restartPolicy": policy}, told)
        return {want.image for want in of_pods([pod], owners)}

    assert found("Never") == {"build:1", "sidecar:1"}
    assert found("OnFailure") == {"build:1", "clone:1", "init:1", "sidecar:1"}


def test_what_admission_replaces_is_no_image_of_a_template(owners: Owners) -> None:
    """A gateway of Istio; a pod that has it still was not injected, and fails to pull it."""
    gateway = made.replicated("gateway", "auto")
    pod = made.pod("p", made.spec("auto"))

    assert classes(controllers.of_replicated("Deployment", [gateway], owners)) == {}
    assert classes(of_pods([pod], owners)) == {"auto": LIVE}


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_ended_wants_nothing(owners: Owners, phase: str) -> None:
    assert list(of_pods([made.pod("p", made.spec("a:1"), {"phase": phase})], owners)) == []


def test_a_pod_that_is_being_deleted_is_not_started_again(owners: Owners) -> None:
    leaving = made.pod("p", made.spec("a:1"), deletionTimestamp="2026-01-01T00:00:00Z")

    assert list(of_pods([leaving], owners)) == []


def test_a_pod_belongs_to_the_last_owner_that_is_known(owners: Owners) -> None:
    owners.know(made.replicated("web-1", "a:1", owner=("Deployment", "web")).metadata)
    owners.know(made.job("nightly-1", "a:1", owner=("CronJob", "nightly")).metadata)
    pods = [
        made.pod("a", made.spec("a:1"), owner=("ReplicaSet", "web-1")),
        made.pod("b", made.spec("a:1"), owner=("Job", "nightly-1")),
        made.pod("c", made.spec("a:1"), owner=("Workflow", "build")),
        made.pod("d", made.spec("a:1"), owner=("ReplicaSet", "unseen")),
        made.pod("static-n1", made.spec("a:1"), owner=("Node", "n1")),
    ]

    assert whose(of_pods(pods, owners)) == {
        "Deployment shop/web",
        "CronJob shop/nightly",
        "Workflow shop/build",
        "ReplicaSet shop/unseen",
        "Pod shop/static-n1",
    }


def test_of_several_owners_it_is_the_one_that_would_make_it_anew(owners: Owners) -> None:
    keeper = {"kind": "Keeper", "name": "k", "uid": "k"}
    maker = {"kind": "Maker", "name": "m", "uid": "m", "controller": True}
    both = made.pod("p", made.spec("a:1"), ownerReferences=[keeper, maker])
    kept = made.pod("q", made.spec("a:1"), ownerReferences=[keeper])

    assert whose(of_pods([both, kept], owners)) == {"Maker shop/m", "Keeper shop/k"}


def test_owners_that_own_each_other_end(owners: Owners) -> None:
    owners.know(made.replicated("a", "a:1", owner=("ReplicaSet", "b")).metadata)
    owners.know(made.replicated("b", "a:1", owner=("ReplicaSet", "a")).metadata)

    (want,) = of_pods([made.pod("p", made.spec("a:1"), owner=("ReplicaSet", "a"))], owners)

    assert want.workload.kind == "ReplicaSet"
