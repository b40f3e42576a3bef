"""The chart on a real API server and in a real registry, by the real helm."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.parts.helm import CHART, DEFAULT, FEATURES, Said, helm, rendered, template
from tests.parts.jobs import jobs
from tests.parts.process import until
from tests.parts.product import Told, ask, exporter
from tests.parts.registry import registry
from tests.parts.schemas import Schemas, operator_definitions, versions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts.kubernetes import Kubernetes

pytestmark = pytest.mark.real
Json = dict[str, Any]

ALL = {
    "image": {"repository": "registry.example.com/pullproof"},
    "config": {"registries": [{"url": "https://registry.example.com"}]},
    "ledger": {"persistence": {"enabled": True}},
    "ingress": {"enabled": True, "hosts": [{"host": "pullproof.example.com"}]},
    **{
        each: {"enabled": True}
        for each in (
            *("serviceMonitor", "prometheusRule", "dashboards"),
            *("networkPolicy", "podDisruptionBudget"),
        )
    },
}
"""Everything that the chart can make at once."""


DOWN = {"url": "http://127.0.0.1:1", "plain_http": True}
"""A registry that does not answer."""


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Schemas:
    return Schemas.into(tmp_path_factory.mktemp("schemas"))


def known() -> list[str]:
    """The versions of Kubernetes to judge by; an empty list would be a test that claims nothing."""
    found = versions()
    assert found[0] == "1.25.0"
    return found


def test_every_feature_is_what_every_kubernetes_and_the_operator_know(schemas: Schemas) -> None:
    with ThreadPoolExecutor(2) as two:
        for version, made, judged in two.map(lambda each: judgement(each, schemas), known()):
            wrong = [each for each in judged if each["status"] != "statusValid"]
            assert wrong == [], version
            assert len(judged) == made > len(FEATURES)


def judgement(version: str, schemas: Schemas) -> tuple[str, int, list[Json]]:
    """A version, how many objects the chart makes for it, and how each of them is judged."""
    said = [template(f"--values={path}", f"--kube-version={version}") for path in FEATURES]
    assert all(each.code == 0 for each in said), version
    made = sum(each.output.count("\nkind: ") for each in said)
    return version, made, schemas.judge(version, [each.output for each in said])


def test_a_kubernetes_that_is_too_old_is_refused() -> None:
    said = template(f"--values={FEATURES[0]}", "--kube-version=1.24.0")

    assert said.code == 1
    assert "chart requires kubeVersion: ^1.25.0-0" in said.errors


def test_a_key_that_kubernetes_does_not_know_is_seen(schemas: Schemas) -> None:
    values = {"livenessProbe": {"periodSecond": 3}, "serviceMonitor": {"relabelings": [{"x": 1}]}}
    said = template(f"--values={CHART}/ci/servicemonitor-values.yaml", values=values)
    judged = schemas.judge(known()[-1], [said.output])

    wrong = {each["kind"] for each in judged if each["status"] != "statusValid"}
    assert wrong == {"Deployment", "ServiceMonitor"}


def test_a_name_of_digits_stays_a_name(schemas: Schemas) -> None:
    values = ALL | {
        "fullnameOverride": "1",
        "commonLabels": {"cost": "2"},
        "serviceAccount": {"name": "3"},
        "secrets": ["4"],
        "configMaps": ["5"],
        "web": {"configSecret": "6"},
        "storage": {
            "claims": [{"name": "7", "mountPath": "/8", "subPath": "9"}],
            "credentialsSecret": "10",
        },
        "ledger": {"persistence": {"enabled": True, "storageClass": "11", "size": "1000000000"}},
        "ingress": ALL["ingress"] | {"className": "12"},
        "priorityClassName": "13",
    }
    place = ("template", "14", "--namespace=15", str(CHART), "--values=-")
    said = helm(*place, typed=yaml.safe_dump(values))
    judged = schemas.judge(known()[-1], [said.output])

    assert [each for each in judged if each["status"] != "statusValid"] == []
    assert len(judged) > len(ALL)


@pytest.mark.parametrize("prefix", ["", "/audit"])
def test_the_program_answers_its_probes_though_the_registry_is_down(
    prefix: str, tmp_path: Path
) -> None:
    config = {"registries": [DOWN], "route_prefix": prefix or None}
    objects = rendered(f"--values={DEFAULT}", values={"config": config})
    settings = yaml.safe_load(objects["ConfigMap", "release-pullproof"]["data"]["pullproof.yml"])
    pod = objects["Deployment", "release-pullproof"]["spec"]["template"]["spec"]
    settings["ledger"] = str(tmp_path / "ledger.sqlite")
    del settings["clusters"]  # There is none around the process.

    with exporter(tmp_path, settings) as served:
        for probe in ("livenessProbe", "readinessProbe"):
            path = pod["containers"][0][probe]["httpGet"]["path"]
            until(lambda path=path: served.get(path).is_success, f"{path} is answered")


@pytest.fixture
def operated(cluster: Kubernetes) -> Kubernetes:
    """An API server that knows the kinds of the Prometheus Operator."""
    for crd in operator_definitions():
        path, spec = cluster.path(crd), crd["spec"]
        if not cluster.http.get(f"{path}/{crd['metadata']['name']}").is_success:
            # Not by `create`: what is defined stays for the other tests of the session.
            cluster.http.post(path, json=crd).raise_for_status()
        objects = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
        until(lambda where=objects: cluster.http.get(where).is_success, f"{objects} is served")
    return cluster


class Release:
    """A namespace that admits restricted pods only, and helm in it."""

    def __init__(self, cluster: Kubernetes, folder: Path) -> None:
        """Make the namespace."""
        self.cluster = cluster
        self.namespace = cluster.namespace()
        self.folder = folder
        self.checks: list[Told] = []
        """What the checks before upgrades told."""
        self.kubeconfig = cluster.kubeconfig(folder / "kubeconfig")
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        cluster.http.patch(
            f"/api/v1/namespaces/{self.namespace}",
            content=json.dumps({"metadata": {"labels": labels}}),
            headers={"Content-Type": "application/merge-patch+json"},
        ).raise_for_status()
        until(lambda: not self.admitted(LOOSE), "the API server has heard of the label")

    def helm(self, command: str, *words: str, values: Json | None = None) -> Said:
        """Run a command of helm that must succeed."""
        said = self.tried(command, *words, values=values)
        assert said.code == 0, said.errors
        return said

    def tried(self, command: str, *words: str, values: Json | None = None) -> Said:
        """Run a command of helm."""
        place = (f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}")
        given = ("--values=-",) if values else ()
        return helm(command, "audit", *words, *place, *given, typed=yaml.safe_dump(values or {}))

    def get(self, group: str, plural: str, name: str = "audit-pullproof") -> Json:
        """One object of the namespace."""
        return self.cluster.get(f"/{group}/namespaces/{self.namespace}/{plural}/{name}")

    def admitted(self, template: Json) -> bool:
        """Whether a pod made of a template would be let in; nothing is kept."""
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "audit"}}
        answer = self.cluster.http.post(
            f"/api/v1/namespaces/{self.namespace}/pods?dryRun=All",
            json=pod | {"spec": template["spec"]},
        )
        assert answer.is_success or "violates PodSecurity" in answer.text, answer.text
        return answer.is_success

    def left(self) -> list[str]:
        """What there is in the namespace, and of the release in the whole cluster."""
        found = [*self._listed(f"/namespaces/{self.namespace}", ""), *self._listed("", RELEASE)]
        mine = ("serviceaccounts/default", "configmaps/kube-root-ca.crt")
        return [each for each in found if not each.endswith(mine) and "/events/" not in each]

    def _listed(self, place: str, query: str) -> Iterator[str]:
        for base in self._groups():
            answer = self.cluster.http.get(base)  # a group may go with its last definition
            for kind in answer.json()["resources"] if answer.is_success else ():
                if kind["namespaced"] is not bool(place) or "list" not in kind["verbs"]:
                    continue
                path = f"{base}{place}/{kind['name']}"
                for each in self.cluster.get(f"{path}{query}")["items"]:
                    if "deletionTimestamp" not in each["metadata"]:
                        yield f"{path}/{each['metadata']['name']}"

    def _groups(self) -> Iterator[str]:
        yield "/api/v1"
        for group in self.cluster.get("/apis")["groups"]:
            yield f"/apis/{group['preferredVersion']['groupVersion']}"


LOOSE = {"spec": {"containers": [{"name": "c", "image": "i"}], "hostNetwork": True}}
RELEASE = "?labelSelector=app.kubernetes.io/instance=audit"


@pytest.fixture
def release(operated: Kubernetes, tmp_path: Path) -> Iterator[Release]:
    made = Release(operated, tmp_path)
    with jobs(operated, made.namespace, tmp_path / "jobs") as made.checks:
        yield made


def test_it_installs_where_only_restricted_pods_are_let_in_and_leaves_nothing(
    release: Release,
) -> None:
    before = release.left()

    release.helm("install", str(CHART), values=ALL)
    one = release.get("apis/apps/v1", "deployments")["spec"]["template"]
    assert release.admitted(one)
    loose = one | {"spec": one["spec"] | {"hostNetwork": True}}
    assert not release.admitted(loose), "the namespace would let in anything"
    (tested,) = (each for each in yaml.safe_load_all(hook(release)) if each["kind"] == "Pod")
    assert release.admitted(tested)
    assert len(release.left()) > len(before) + len(ALL)

    release.helm("upgrade", str(CHART), values=ALL | {"shards": 3})
    many = release.get("apis/apps/v1", "statefulsets")["spec"]
    assert many["replicas"] == 3
    # The controller adds the volume of each claim.
    claim = {"name": "ledger", "persistentVolumeClaim": {"claimName": "ledger-audit-pullproof-0"}}
    many["template"]["spec"]["volumes"].append(claim)
    assert release.admitted(many["template"])
    assert not [each for each in release.left() if "/deployments/" in each]

    release.helm("uninstall")
    assert release.left() == before


def hook(release: Release) -> str:
    """What is made for `helm test` and before an upgrade, as it would be."""
    return helm(
        *("get", "hooks", "audit", f"--kubeconfig={release.kubeconfig}"),
        f"--namespace={release.namespace}",
    ).output


SECRET = {"username": "reader", "password_file": "/run/pullproof/secrets/login/password"}


def test_a_configuration_that_the_program_refuses_never_replaces_the_pod(release: Release) -> None:
    def values(registry: Json, **more: Any) -> Json:
        return (
            ALL | {"config": {"registries": [{"url": "https://a.example.com"} | registry]}} | more
        )

    def running() -> tuple[Json, Json]:
        deployment = release.get("apis/apps/v1", "deployments")
        return deployment["spec"], release.get("api/v1", "configmaps")["data"]

    release.helm("install", str(CHART), values=values({}))
    before = running()
    late = values(SECRET, secrets=["login"], image={"repository": "other.example.com/pullproof"})
    login = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque"}
    login |= {"metadata": {"name": "login", "namespace": release.namespace}}
    release.cluster.create(login | {"stringData": {"user": "typo"}})

    wrong = [
        release.tried("upgrade", str(CHART), values=each)
        for each in (values({"ca_file": "/none.pem"}, shards=3), late)
    ]

    assert [each.code for each in wrong] == [1, 1]
    assert [each.code for each in release.checks] == [2, 2]
    assert "registries[0].ca_file" in release.checks[0].errors
    assert "registries[0].password_file" in release.checks[1].errors
    assert running() == before
    assert not [each for each in release.left() if "/statefulsets/" in each]

    release.cluster.delete(f"/api/v1/namespaces/{release.namespace}/secrets/login")
    release.cluster.create(login | {"stringData": {"password": "word"}})
    release.helm("upgrade", str(CHART), values=values({"interval": "1h"}))
    spec, configuration = running()
    assert spec == before[0], "the running pod reloads it"
    assert "interval: 1h" in configuration["pullproof.yml"]
    release.helm("upgrade", str(CHART), values=late)
    assert running()[0] != before[0]
    release.helm("rollback", "1")
    assert running() == before
    assert len([each for each in release.checks if each.code == 0]) == 3
    release.helm("uninstall")
    release.cluster.delete(f"/api/v1/namespaces/{release.namespace}/secrets/login")


def test_another_claim_for_the_ledgers_of_shards_is_refused_with_the_way_out(
    release: Release,
) -> None:
    def values(**persistence: Any) -> Json:
        return ALL | {"shards": 2, "ledger": {"persistence": persistence}}

    release.helm("install", str(CHART), values=values(enabled=True))
    before = release.get("apis/apps/v1", "statefulsets")["spec"]
    others = [{"enabled": True, "size": "5Gi"}, {"enabled": False}, {"enabled": True} | CLASS]
    for each in others:
        said = release.tried("upgrade", str(CHART), values=values(**each))
        assert said.code == 1
        assert "cannot change the claims of a StatefulSet" in said.errors
        assert f"kubectl --namespace {release.namespace} delete statefulset" in said.errors
    assert release.get("apis/apps/v1", "statefulsets")["spec"] == before

    release.helm("upgrade", str(CHART), values=values(enabled=True) | {"shards": 3})
    assert release.get("apis/apps/v1", "statefulsets")["spec"]["replicas"] == 3
    path = f"/apis/apps/v1/namespaces/{release.namespace}/statefulsets/audit-pullproof"
    release.cluster.delete(path)
    release.helm("upgrade", str(CHART), values=values(enabled=True, size="5Gi"))
    release.helm("uninstall")


CLASS = {"storageClass": "fast"}


def test_every_pod_of_every_feature_is_let_in_where_only_restricted_ones_are(
    release: Release,
) -> None:
    for feature in FEATURES:
        pods = [each for each in rendered(f"--values={feature}").values() if podded(each)]
        assert len(pods) == 3, feature.stem
        for each in pods:
            spec = podded(each) | {"serviceAccountName": "default", "runtimeClassName": None}
            if "volumeClaimTemplates" in each["spec"]:
                claim = {"name": "ledger", "persistentVolumeClaim": {"claimName": "one"}}
                spec |= {"volumes": [*spec["volumes"], claim]}  # as its controller does
            assert release.admitted({"spec": spec}), (feature.stem, each["kind"])


def podded(each: Json) -> Json:
    """The specification of the pods of an object, if it has any."""
    if each["kind"] == "Pod":
        return dict(each["spec"])
    return dict(each.get("spec", {}).get("template", {}).get("spec", {}))


MONITORS = {"group": "monitoring.coreos.com", "version": "v1", "resource": "servicemonitors"}


@pytest.mark.parametrize(
    ("narrow", "asked"),
    [
        (False, {}),
        (True, {"helm_history": True, "custom_resources": [MONITORS | {"images": ["spec.image"]}]}),
    ],
    ids=["usual", "namespaced with features"],
)
def test_its_account_may_read_what_its_configuration_asks_for(
    release: Release, tmp_path: Path, asked: Json, *, narrow: bool
) -> None:
    namespaces = [release.namespace] if narrow else []
    entry = {"in_cluster": True, "namespaces": namespaces} | asked
    values = ALL | {"config": {"registries": [DOWN], "clusters": [entry]}}
    release.helm("install", str(CHART), values=values)
    config = yaml.safe_load(release.get("api/v1", "configmaps")["data"]["pullproof.yml"])
    (cluster,) = config["clusters"]
    del cluster["in_cluster"]
    token = release.cluster.token(release.namespace, "audit-pullproof")
    kubeconfig = release.cluster.kubeconfig(tmp_path / "account", token)

    config["clusters"] = [cluster | {"kubeconfig": str(kubeconfig)}]
    with registry(tmp_path / "registry") as store:
        config["registries"] = [{"url": store.url, "plain_http": True}]
        with exporter(tmp_path, config | {"ledger": None}) as served:
            served.ready()
            # The API server learns of roles by watching; an audit before that is denied some.
            until(lambda: served.report().document["gaps"] == [], "all that is asked for is seen")
            up = served.value("pullproof_reference_source_up")

    assert up == 1
    release.helm("uninstall")


def test_it_goes_through_a_registry_and_is_audited_there(release: Release, tmp_path: Path) -> None:
    with registry(tmp_path / "registry") as store:
        packed = helm("package", str(CHART), f"--destination={tmp_path}")
        assert packed.code == 0, packed.errors
        (file,) = tmp_path.glob("pullproof-*.tgz")
        place = f"oci://{store.host}/charts"
        pushed = helm("push", str(file), place, "--plain-http")
        assert pushed.code == 0, pushed.errors
        version = file.stem.removeprefix("pullproof-")

        release.helm(
            "install", f"{place}/pullproof", f"--version={version}", "--plain-http", values=ALL
        )
        told = ask(store, f"charts/pullproof:{version}")

        rules = release.get("apis/monitoring.coreos.com/v1", "prometheusrules")
        assert rules["spec"]["groups"]
        assert told.code == 0
        (child,) = told.said.tag(f"charts/pullproof:{version}")["children"]
        assert (child["kind"], child["state"]) == ("artifact", "present")
    release.helm("uninstall")
