"""The chart renders what its values say, in a form that Kubernetes and the program understand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from exporter import __version__
from exporter.cli import _parser
from exporter.config.loading import parse
from tests.golden import generated
from tests.parts.helm import CHART, DEFAULT, FEATURES, helm, rendered
from tests.shipped.chart import readme, schema
from tests.shipped.chart.values import values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parts.certificates import Authority

Json = dict[str, Any]

NAME = "release-pullproof"
MOUNTED = "/run/pullproof"
GRANTED = yaml.safe_load((CHART / "files" / "rbac.yaml").read_text())
every_feature = pytest.mark.parametrize("feature", FEATURES, ids=lambda path: path.stem)


def rendering(feature: str, values: Json | None = None) -> dict[tuple[str, str], Json]:
    """The objects of a feature's file of values, by kind and name."""
    return rendered(f"--values={CHART}/ci/{feature}-values.yaml", values=values)


def pod(objects: dict[tuple[str, str], Json]) -> Json:
    """The template of the one workload."""
    (workload,) = (
        each for (kind, _), each in objects.items() if kind in ("Deployment", "StatefulSet")
    )
    return dict(workload["spec"]["template"])


def container(objects: dict[tuple[str, str], Json]) -> Json:
    """The container of the program."""
    return dict(pod(objects)["spec"]["containers"][0])


def test_the_schema_is_made_from_the_values_and_the_settings() -> None:
    generated(CHART / "values.schema.json", schema.document())


def test_the_page_lists_every_value() -> None:
    generated(readme.PAGE, readme.document())


def test_every_link_of_the_page_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", readme.PAGE.read_text()):
        assert (CHART / target).exists(), target


def test_every_value_is_explained_and_set_by_some_feature() -> None:
    documents = [yaml.safe_load(path.read_text()) for path in FEATURES]
    leaves = [leaf for value in values() for leaf in value.leaves if leaf.path != ("global",)]

    for leaf in leaves:
        assert leaf.about, leaf.path
        assert any(sets(each, leaf.path) for each in documents), leaf.path


def sets(document: Any, path: tuple[str, ...]) -> bool:
    """Whether a document has something at a path."""
    for step in path:
        if not isinstance(document, dict) or step not in document:
            return False
        document = document[step]
    return True


@every_feature
def test_helm_finds_no_fault(feature: Path) -> None:
    said = helm("lint", "--strict", str(CHART), f"--values={feature}")

    assert said.code == 0, said.output + said.errors
    assert "[WARNING]" not in said.output
    assert "level=WARN" not in said.errors


@every_feature
def test_the_program_reads_the_configuration_that_is_rendered(
    feature: Path, tmp_path: Path, authority: Authority
) -> None:
    pair = authority.sign("client")
    words = {"tls.key": pair.key.read_text(), ".dockerconfigjson": "{}"}
    words |= dict.fromkeys(("ca.crt", "tls.crt"), pair.certificate.read_text())
    found = [
        each["data"]["pullproof.yml"]
        for each in rendered(f"--values={feature}").values()
        if each["kind"] == "ConfigMap" and "pullproof.yml" in each.get("data", {})
    ]
    wanted = yaml.safe_load(feature.read_text()).get("config", {})

    for text in found:
        for name in re.findall(rf"{MOUNTED}(/[^\s'\"]+)", text):
            mounted = tmp_path / name[1:]
            mounted.parent.mkdir(parents=True, exist_ok=True)
            mounted.write_text(words.get(mounted.name, "word"))
        settings = parse(text.replace(MOUNTED, str(tmp_path)).encode(), {})
        assert len(settings.registries) == len(wanted["registries"])
    assert bool(found) is bool(wanted)


@pytest.mark.parametrize(
    ("feature", "address"),
    [
        ("default", r"http://release-pullproof\.audit\.svc:10470"),
        ("web-tls", r"https://release-pullproof\.audit\.svc:10470"),
        ("ingress", r"https?://[a-z.]+\.example\.com"),
        ("route-prefix", r"https://wiki\.example\.com/pullproof"),
    ],
)
def test_links_lead_to_where_people_reach_the_pages(feature: str, address: str) -> None:
    maps = (each for (kind, _), each in rendering(feature).items() if kind == "ConfigMap")
    texts = [each["data"]["pullproof.yml"] for each in maps if "pullproof.yml" in each["data"]]

    assert texts
    for text in texts:
        assert re.fullmatch(address, yaml.safe_load(text)["external_url"])


def test_a_configuration_of_ones_own_needs_none_beside_it() -> None:
    assert pod(rendering("existing-config", {"config": None}))


@every_feature
def test_what_the_configuration_names_is_mounted(feature: Path) -> None:
    objects = rendered(f"--values={feature}")
    config = objects.get(("ConfigMap", NAME), {"data": {"pullproof.yml": ""}})
    mounts = {each["mountPath"] for each in container(objects)["volumeMounts"]}
    volumes = {each["name"] for each in pod(objects)["spec"]["volumes"]}
    claims = objects.get(("StatefulSet", NAME), {}).get("spec", {}).get("volumeClaimTemplates", [])

    for path in re.findall(r"(/(?:run|var)/[^\s'\"]+)", config["data"]["pullproof.yml"]):
        assert any(Path(path).is_relative_to(mount) for mount in mounts), path
    assert {"/etc/pullproof", "/var/lib/pullproof", "/tmp"} <= mounts  # noqa: S108 - in the image
    assert {each["name"] for each in container(objects)["volumeMounts"]} == volumes | {
        each["metadata"]["name"] for each in claims
    }


def test_only_what_is_read_at_a_start_replaces_the_pod() -> None:
    def annotations(**config: Any) -> Json:
        return dict(pod(rendering("default", {"config": config}))["metadata"]["annotations"])

    before = annotations()

    assert "--watch-config" in container(rendering("default"))["args"]
    assert annotations(interval="1h", max_staleness="2d") == before
    for each in ({"log_level": "debug"}, {"metrics": {"tags": 1}}, {"route_prefix": "/audit"}):
        assert annotations(**each) != before, each


@every_feature
def test_before_an_upgrade_the_very_configuration_is_read_with_the_very_files(
    feature: Path,
) -> None:
    objects = rendered(f"--values={feature}")
    (job,) = (each for (kind, _), each in objects.items() if kind == "Job")
    spec = job["spec"]["template"]["spec"]
    (check,) = spec["containers"]
    serve = container(objects)
    apart = {"ledger"} | {f"storage-{index}" for index in range(9)}

    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-upgrade,pre-rollback"
    words = ["serve", "--config=/etc/pullproof/pullproof.yml", "--check-config"]
    more = [each for each in serve["args"] if "log-format" in each]
    assert check["args"] == [*words, f"--probed-at={probed(serve)}", *more]
    for key in ("image", "env", "envFrom", "securityContext"):
        assert check.get(key) == serve.get(key)
    mounts = {each["mountPath"]: each for each in check["volumeMounts"]}
    for each in serve["volumeMounts"]:
        assert each["name"] in apart or mounts[each["mountPath"]] == each
    configs = [
        each["data"]["pullproof.yml"]
        for (kind, _), each in objects.items()
        if kind == "ConfigMap" and "pullproof.yml" in each.get("data", {})
    ]
    assert len(configs) in (0, 2)
    assert len(set(configs)) <= 1


def probed(serve: Json) -> str:
    """Where a kubelet asks, of chart's own probes."""
    probe = serve["livenessProbe"]
    asked = serve["readinessProbe"].get("httpGet") or probe.get("httpGet")
    if not asked:
        return "tcp://0.0.0.0:10470"
    return f"{asked['scheme'].lower()}://0.0.0.0:10470{asked['path'].partition('/-/')[0]}"


def test_the_pod_of_the_check_is_none_of_the_service_and_has_no_token() -> None:
    objects = rendering("networkpolicy")
    template = objects["Job", f"{NAME}-check"]["spec"]["template"]
    selector = objects["Service", NAME]["spec"]["selector"]

    assert not selector.items() <= template["metadata"]["labels"].items()
    assert template["spec"]["automountServiceAccountToken"] is False
    assert not [
        kind
        for kind, _ in rendering("default", {"configCheck": {"enabled": False}})
        if kind == "Job"
    ]


def test_one_pod_is_never_doubled() -> None:
    deployment = rendering("default")["Deployment", NAME]["spec"]

    assert deployment["replicas"] == 1
    assert deployment["strategy"] == {"type": "Recreate"}


def test_a_long_first_audit_is_neither_hidden_nor_a_failure() -> None:
    objects = rendering("default")

    assert objects["Service", NAME]["spec"]["publishNotReadyAddresses"]
    assert objects["Deployment", NAME]["spec"]["progressDeadlineSeconds"] >= 86_400


@pytest.mark.parametrize("feature", ["shards", "shards-ledger"])
def test_each_shard_finds_its_part_in_its_name(feature: str) -> None:
    objects = rendering(feature)
    workload = objects["StatefulSet", NAME]["spec"]

    assert workload["replicas"] == 3
    assert "--shard=auto/3" in container(objects)["args"]
    assert ("Service", workload["serviceName"]) in objects
    assert ("PersistentVolumeClaim", NAME) not in objects


def test_a_pod_is_told_how_kubectl_finds_it() -> None:
    names = {each["name"]: each["valueFrom"] for each in container(rendering("shards"))["env"]}

    assert names["POD_NAME"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert names["POD_NAMESPACE"] == {"fieldRef": {"fieldPath": "metadata.namespace"}}


@every_feature
def test_a_selector_outlives_an_upgrade(feature: Path) -> None:
    objects = rendered(f"--values={feature}")
    fixed = {"app.kubernetes.io/name": "pullproof", "app.kubernetes.io/instance": "release"}

    for (kind, _), each in objects.items():
        if kind in ("Deployment", "StatefulSet"):
            assert each["spec"]["selector"]["matchLabels"] == fixed
        if kind == "Service":
            assert each["spec"]["selector"] == fixed
    assert fixed.items() <= pod(objects)["metadata"]["labels"].items()


@every_feature
def test_there_is_a_token_only_where_the_cluster_is_read(feature: Path) -> None:
    objects = rendered(f"--values={feature}")
    read = feature.stem not in ("no-cluster-values", "other-cluster-values")
    roles = [kind for kind, _ in objects if kind.endswith("Role")]

    assert pod(objects)["spec"]["automountServiceAccountToken"] is read
    assert bool(roles) is (read and feature.stem != "own-role-values")


def rights(feature: str, kind: str, values: Json | None = None) -> list[Json]:
    """The rules of each role of a kind; a binding must name it and the pod's account."""
    objects = rendering(feature, values)
    account = pod(objects)["spec"]["serviceAccountName"]
    roles = {name: each for (of, name), each in objects.items() if of == kind}
    for name, role in roles.items():
        binding = objects[f"{kind}Binding", name]
        assert binding["roleRef"]["name"] == role["metadata"]["name"]
        assert [each["name"] for each in binding["subjects"]] == [account]
    return [role["rules"] for role in roles.values()]


def test_rights_are_those_of_the_features_that_are_on() -> None:
    (usual,), (special,) = (
        rights("default", "ClusterRole"),
        rights("cluster-features", "ClusterRole"),
    )

    features = {"core", "nodes", "nodePools", "helmHistory", "pullSecrets"}
    assert set(GRANTED) == features, "a feature that no value switches on"
    assert usual == GRANTED["core"] + GRANTED["nodes"]
    asked = {resource: rule["verbs"] for rule in special for resource in rule["resources"]}
    core = {resource for rule in GRANTED["core"] for resource in rule["resources"]}
    further = {"runtimeclasses", "secrets", "serviceaccounts", "rollouts"}
    assert set(asked) == core - {"jobs", "replicationcontrollers"} | further
    assert asked["rollouts"] == ["list", "watch"]
    assert special[-4:-1] == GRANTED["helmHistory"] + GRANTED["pullSecrets"]


def test_in_namespaces_there_is_no_right_in_the_whole_cluster() -> None:
    objects = rendering("namespaced")
    roles = rights("namespaced", "Role")

    assert not [kind for kind, _ in objects if kind.startswith("ClusterRole")]
    assert roles == [GRANTED["core"], GRANTED["core"]]


def test_storage_is_read_only_twice() -> None:
    objects = rendering("storage-claim")
    (volume,) = (each for each in pod(objects)["spec"]["volumes"] if each["name"] == "storage-0")
    (mount,) = (each for each in container(objects)["volumeMounts"] if each["name"] == "storage-0")

    assert volume["persistentVolumeClaim"]["readOnly"]
    assert mount["readOnly"]


def test_probes_ask_as_the_web_server_answers() -> None:
    asked = {
        feature: container(rendering(feature))["readinessProbe"]
        for feature in ("default", "web-tls", "web-clients")
    }

    assert asked["default"]["httpGet"] == {"path": "/-/ready", "port": "http", "scheme": "HTTP"}
    assert asked["web-tls"]["httpGet"]["scheme"] == "HTTPS"
    assert asked["web-clients"]["tcpSocket"] == {"port": "http"}


def test_what_stands_before_every_path_is_asked_for() -> None:
    objects = rendering("route-prefix")
    asks = container(objects)
    (endpoint,) = objects["ServiceMonitor", NAME]["spec"]["endpoints"]
    (rule,) = objects["Ingress", NAME]["spec"]["rules"]

    assert asks["livenessProbe"]["httpGet"]["path"] == "/registry-audit/-/healthy"
    assert asks["readinessProbe"]["httpGet"]["path"] == "/registry-audit/-/ready"
    assert endpoint["path"] == "/registry-audit/metrics"
    assert pod(objects)["metadata"]["annotations"]["prometheus.io/path"] == endpoint["path"]
    assert rule["http"]["paths"][0]["path"] == "/registry-audit"


def test_the_pod_of_the_test_is_none_of_the_service() -> None:
    objects = rendering("networkpolicy")
    labels = objects["Pod", f"{NAME}-test"]["metadata"]["labels"]
    (rule,) = objects["NetworkPolicy", NAME]["spec"]["ingress"]

    assert not objects["Service", NAME]["spec"]["selector"].items() <= labels.items()
    assert rule["from"][-1]["podSelector"]["matchLabels"].items() <= labels.items()


@every_feature
def test_the_program_understands_the_words_that_it_is_given(feature: Path) -> None:
    words = container(rendered(f"--values={feature}"))["args"]

    assert _parser().parse_args(words).config == Path("/etc/pullproof/pullproof.yml")


def test_the_chart_brings_the_program_of_its_own_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert chart["appVersion"] == __version__


def test_nothing_depends_on_what_a_cluster_says_of_itself() -> None:
    for path in CHART.glob("templates/**/*"):
        if path.is_file():
            # Of what is there already only a refusal depends, and never an object.
            looks = (
                r"\.Capabilities" if path.name == "_refusals.tpl" else r"\.Capabilities|\blookup\b"
            )
            assert not re.search(looks, path.read_text()), path.name


def test_a_digest_pins_the_image() -> None:
    image = container(rendering("names"))["image"]

    assert re.fullmatch(r"registry.example.com/mirror/pullproof:1.2.3@sha256:[0-9a-f]{64}", image)


def ports(objects: dict[tuple[str, str], Json]) -> Iterator[tuple[int, bool]]:
    """The ports that may be reached, and whether only at some peers."""
    policy = objects["NetworkPolicy", NAME]["spec"]
    return (
        (port["port"], "to" in rule) for rule in policy["egress"] for port in rule.get("ports", [])
    )


def test_a_network_policy_lets_out_to_what_is_asked() -> None:
    everywhere = {(53, False), (443, False), (5000, False), (6443, False)}

    assert set(ports(rendering("default", {"networkPolicy": {"enabled": True}}))) == everywhere
    assert set(ports(rendering("networkpolicy"))) == {
        *((53, True), (443, True), (6443, True), (3128, True))
    }


def test_a_network_policy_follows_the_addresses_of_the_configuration() -> None:
    config = {
        "registries": [
            {"url": "https://one.example.com:8443", "storage": {"url": "s3://images"}},
            {"url": "http://two.example.com", "plain_http": True},
            {"url": "https://[fd00::1]:5443/"},
            {
                "url": "https://registry.example.com",
                "repositories": {
                    "from": "gitlab",
                    "namespaces": ["shop"],
                    "api_token_env": "TOKEN",
                    "api_url": "https://gitlab.example.com:8929/git",
                },
            },
        ],
        "clusters": [],
        "facts": {"url": "s3://facts", "endpoint": "http://minio.example.com:9000"},
    }
    policy = {"enabled": True, "registries": {"ports": []}}
    made = rendering("default", {"config": config, "networkPolicy": policy})
    own = {"networkPolicy": {"enabled": True, "registries": {"ports": [5000]}}}

    assert {port for port, _ in ports(made)} == {53, 8443, 80, 5443, 8929, 443, 9000}
    assert {port for port, _ in ports(rendering("existing-config", own))} == {53, 5000, 443, 6443}


def test_names_are_those_that_a_site_or_a_parent_chart_gives() -> None:
    objects = rendering("subchart")
    name = "auditing/release-auditor"
    (check,) = (each for (kind, _), each in objects.items() if kind == "Job")
    template = objects["Deployment", name]["spec"]["template"]

    assert {each["metadata"].get("namespace", "auditing") for each in objects.values()} == {
        "auditing"
    }
    for pods in (template["spec"], check["spec"]["template"]["spec"]):
        assert pods["imagePullSecrets"] == [{"name": "everywhere"}, {"name": "pull"}]
        assert pods["containers"][0]["image"].startswith("registry.example.com/mirror/pullproof:")
    assert template["metadata"]["labels"]["app.kubernetes.io/name"] == "pullproof", "its job"


@every_feature
def test_every_object_says_where_it_is_and_to_whom_it_belongs(feature: Path) -> None:
    for (kind, name), each in rendered(f"--values={feature}").items():
        if feature.stem == "names-values" and name in ("auditor-more", "release-text"):
            continue
        assert each["metadata"]["labels"]["app.kubernetes.io/instance"] == "release", (kind, name)
        assert kind.startswith("ClusterRole") or each["metadata"]["namespace"], (kind, name)


def test_the_chart_needs_no_more_than_an_image_and_a_registry() -> None:
    assert set(yaml.safe_load(DEFAULT.read_text())) == {"image", "config"}
