"""Wrong values are refused before anything is installed, in words that name them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config.loading import Misconfigured, parse
from exporter.publish.metrics.catalogue import FAMILIES
from tests.golden import generated
from tests.parts.helm import CHART, DEFAULT, template

Json = dict[str, Any]

WRONG = sorted((Path(__file__).parent / "chart" / "invalid").glob("*.yaml"))


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_a_wrong_value_is_refused_in_these_words(path: Path) -> None:
    said = template(f"--values={path}")

    assert said.code == 1
    generated(path.with_suffix(".expect.txt"), complaint(said.errors))


URL = "url: https://a.example.com"
CONFIGURATIONS = [
    ("registries: [{url: 'http://a.example.com'}]", "[0].url: http without TLS needs plain_http"),
    (f"registries: [{{{URL}, plain_http: true}}]", "[0].plain_http: needs an address that begins"),
    (
        "registries: [{url: 'http://a.example.com', plain_http: true, ca_file: /dev/null}]",
        "[0].ca_file: has no effect over plain http",
    ),
    (f"registries: [{{{URL}, key_file: /dev/null}}]", "[0].key_file: needs certificate_file"),
    ("registries: [{url: 'https://a.example.com/path'}]", "registries/0/url"),
    ("registries: [{url: 'https://me@a.example.com'}]", "registries/0/url"),
    ("registries: [{url: a.example.com}]", "registries/0/url"),
    (
        f"registries: [{{{URL}, name: a}}, {{url: 'https://b.example.com', name: a}}]",
        "[1].name: a already names another registry",
    ),
    (
        f"registries: [{{{URL}}}, {{url: 'https://b.example.com', name: a.example.com}}]",
        "[1].name: a.example.com already names another registry",
    ),
    (
        f"registries: [{{{URL}}}, {{url: 'https://b.example.com', aliases: [A.example.com]}}]",
        "[1].aliases: A.example.com already names another registry",
    ),
    (
        f"registries: [{{{URL}, name: one}}, {{url: 'https://A.example.com:443', name: two}}]",
        "[1].aliases: a.example.com already names another registry",
    ),
    (f"registries: [{{{URL}, role: sparse}}]", "[0].platforms: belongs to role: sparse"),
    (f"registries: [{{{URL}, platforms: [linux/arm64]}}]", "[0].platforms: belongs to role"),
    (f"registries: [{{{URL}, password_file: /dev/null}}]", "[0].password_file: needs username"),
    (f"registries: [{{{URL}, username: reader}}]", "[0].username: needs password_file"),
    (
        f"registries: [{{{URL}, username: a, username_env: B, password_env: C}}]",
        "[0].username_env: not together with username: one of them",
    ),
    (
        f"registries: [{{{URL}, identity_token_env: A, docker_config: /dev/null}}]",
        "[0].docker_config: not together with identity_token_env",
    ),
    (f"registries: [{{{URL}, password_env: 'my secret'}}]", "registries/0/password_env"),
    (f"registries: [{{{URL}, role: proxy, scrub: {{}}}}]", "[0].scrub: is not for role: proxy"),
    (
        f"registries: [{{{URL}, role: proxy, events: {{token_file: /x}}}}]",
        "events: is not for role",
    ),
    (f"registries: [{{{URL}, events: {{}}}}]", "events"),
    (f"registries: [{{{URL}, scrub: {{read_from: storage}}}}]", "scrub.read_from: storage needs"),
    (f"registries: [{{{URL}, storage: {{}}}}]", "[0].storage.path: either path or url"),
    (f"registries: [{{{URL}, storage: {{url: 'ftp://a'}}}}]", "registries/0/storage/url"),
    (f"registries: [{{{URL}, tags: {{select: ['a b']}}}}]", "registries/0/tags/select/0"),
    (f"registries: [{{{URL}}}]\ninterval: 15m1h", "/config/interval"),
    (f"registries: [{{{URL}}}]\ninterval: 999ms", "/config/interval"),
    (f"registries: [{{{URL}}}]\naudit_deadline: 0h", "/config/audit_deadline"),
    (f"registries: [{{{URL}}}]\nconfirm_after: 5h", "config.confirm_after: no loss is confirmed"),
    (f"registries: [{{{URL}}}]\naudit_deadline: 1s", "config.confirm_after: no loss is confirmed"),
    (
        f"registries: [{{{URL}}}]\nclusters: [{{in_cluster: true, namespaces: [a, b, a]}}]",
        "clusters[0].namespaces: each is listed once",
    ),
    *(
        (
            (
                f"registries: [{{{URL}}}]\nclusters: [{{custom_resources: [{{group: a.b, "
                f"version: v1, resource: c, images: ['{path}']}}]}}]"
            ),
            "custom_resources/0/images/0",
        )
        for path in ("spec.containers[0].image", "spec..image", "spec.image.", "spec image")
    ),
    (f"registries: [{{{URL}, timeout: 99ms}}]", "registries/0/timeout"),
    (f"registries: [{{{URL}, scrub: {{period: 59s}}}}]", "registries/0/scrub/period"),
    (f"registries: [{{{URL}, scrub: {{bytes_per_day: much}}}}]", "scrub/bytes_per_day"),
    (f"registries: [{{{URL}, require: [linux]}}]", "registries/0/require/0"),
    (f"registries: [{{{URL}, aliases: ['a/b']}}]", "registries/0/aliases/0"),
    (f"registries: [{{{URL}, name: ''}}]", "registries/0/name"),
    ("registries: [{url: 'https://a.example.com:70000'}]", "[0].url: a port is a number"),
    ("registries: [{url: 'https://-a.example.com'}]", "registries/0/url"),
    (f"registries: [{{{URL}}}]\nroute_prefix: audit", "/config/route_prefix"),
    (f"registries: [{{{URL}}}]\nreferences: [{{images: [a/b]}}]", "references/0/images/0"),
    (
        f"registries: [{{{URL}}}]\nreferences: [{{file: /a}}, {{file: /a}}]",
        "references[1].file: /a is another entry's already",
    ),
    (f"registries: [{{{URL}}}]\nfacts: {{}}", "config.facts.path: either path or url"),
    (f"registries: [{{{URL}}}]\nreferences: [{{class: live}}]", "references[0].file: either"),
    (f"registries: [{{{URL}}}]\nclusters: [{{leave_out: [Jobs]}}]", "clusters/0/leave_out/0"),
    (f"registries: [{{{URL}}}]\nclusters: [{{namespaces: [Shop]}}]", "clusters/0/namespaces/0"),
    (
        f"registries: [{{{URL}}}]\nclusters: [{{in_cluster: true, kubeconfig: /dev/null}}]",
        "clusters[0].kubeconfig: has no effect with in_cluster",
    ),
    (
        f"registries: [{{{URL}}}]\nclusters: [{{in_cluster: true, context: prod}}]",
        "clusters[0].context: has no effect with in_cluster",
    ),
    (
        f"registries: [{{{URL}}}]\nclusters: [{{namespaces: [a], node_pools: true}}]",
        "clusters[0].node_pools: has no effect with namespaces",
    ),
    (
        f"registries: [{{{URL}}}]\nclusters: [{{name: a}}, {{context: a}}]",
        "clusters[1].name: a already names another cluster",
    ),
    (
        "registries: [{url: 'http://a', plain_http: true, insecure_skip_verify: true}]",
        "[0].insecure_skip_verify: has no effect over plain http",
    ),
    (
        f"registries: [{{{URL}, insecure_skip_verify: true, ca_file: /dev/null}}]",
        "[0].ca_file: has no effect where certificates are not verified",
    ),
    (
        f"registries: [{{{URL}, parts: [{{repositories: [a], role: sparse}}]}}]",
        "[0].parts[0].platforms: belongs to role: sparse",
    ),
    (
        f"registries: [{{{URL}, role: proxy, parts: [{{repositories: [a], role: owned}}]}}]",
        "[0].parts: not with role: proxy",
    ),
    (
        f"registries: [{{{URL}, role: proxy, events: {{token_file: /dev/null}}}}]",
        "[0].events: is not for role: proxy",
    ),
    (
        f"registries: [{{{URL}}}]\nreferences: [{{images: ['b.example.com/a:1']}}]",
        "references[0].images: no registry is b.example.com",
    ),
    *(
        (f"registries: [{{{URL}, repositories: {{{words}}}}}]", f"[0].repositories.{told}")
        for words, told in (
            ("from: harbor, catalog: false", "from: harbor lists repositories"),
            ("namespaces: [a]", "namespaces: has no effect with from: catalog"),
            ("api_token_env: A", "api_token_env: has no effect with from: catalog"),
            ("from: quay, api_token_env: A", "namespaces: is needed with from: quay"),
            ("from: quay, namespaces: [a]", "api_token_file: is needed with from: quay"),
            ("from: harbor, api_url: 'https://b'", "api_url: the API of from: harbor is at"),
            (
                "from: gitea, namespaces: [a], api_token_env: A, api_url: 'http://b'",
                "api_url: http without TLS needs plain_http",
            ),
            ("from: gitlab, namespaces: [a], api_token_env: A", "api_url: is needed: the API of"),
        )
    ),
]


@pytest.mark.parametrize(("text", "words"), CONFIGURATIONS)
def test_what_the_program_refuses_the_chart_refuses_before_the_pod_is_replaced(
    text: str, words: str
) -> None:
    with pytest.raises(Misconfigured):
        parse(text.encode(), {})

    said = template(f"--values={DEFAULT}", values={"config": yaml.safe_load(text)})

    assert said.code == 1
    assert words in said.errors


SPELLINGS = [
    {"interval": "1000ms", "max_staleness": "1m", "confirm_after": "0s", "audit_deadline": "1d1s"},
    {"route_prefix": "/", "external_url": "https://audit.example.com/pull/"},
    {"registries": [{"url": "https://[fd00::1]:5000/", "timeout": "100ms"}]},
    {"registries": [{"url": "https://a", "scrub": {"period": "60s", "bytes_per_day": "1.5 TiB"}}]},
    {"registries": [{"url": "https://A.b:65535", "require": ["linux/arm/v7", "windows/amd64"]}]},
    {"references": [{"images": ["A:443/b:*", "a/b/c:1*"]}]},
    {
        "registries": [{"url": "https://b:8443", "aliases": ["C:443"]}],
        "references": [{"images": ["B:8443/a:*"]}, {"images": ["c:443/a:*"]}],
    },
    *(
        {"registries": [{"url": "https://a", "repositories": each}]}
        for each in (
            {"from": "harbor", "namespaces": ["a"]},
            {"from": "harbor"},
            {"from": "gitea", "namespaces": ["a"]},
            {"from": "quay", "namespaces": ["a"], "api_token_env": "A", "api_url": "https://b/c"},
        )
    ),
    {
        "registries": [
            {
                "url": "https://ghcr.io",
                "repositories": {"from": "github", "namespaces": ["a"], "api_token_env": "A"},
            }
        ]
    },
]


@pytest.mark.parametrize("config", SPELLINGS)
def test_what_the_program_takes_the_chart_takes(config: Json) -> None:
    config = {"registries": [{"url": "https://a"}]} | config
    parse(yaml.safe_dump(config).encode(), {"A": "token"})

    said = template(f"--values={DEFAULT}", values={"config": config})

    assert said.code == 0, said.errors


OTHERS: list[tuple[Json, str]] = [
    (
        {"serviceMonitor": {"enabled": True, "interval": "30s", "scrapeTimeout": "1m"}},
        "serviceMonitor.scrapeTimeout: 1m is more than the interval of 30s",
    ),
    (
        {"podMonitor": {"enabled": True, "interval": "1m1ms"}},
        "podMonitor.interval: 1m1ms is more than 1m, and the rules look back over 3m",
    ),
    ({"web": {"clientCertificates": True}}, "web.clientCertificates: needs web.tls"),
    *(
        ({"extraArgs": [word]}, f"at '/extraArgs/0': '{word}' does not match")
        for word in ("--check-config", "--config=/a", "--verbos", "serve", "--log-format=xml", "-h")
    ),
    ({"shards": 3, "extraArgs": ["--shard=1/3"]}, "extraArgs: --shard=1/3: each of several shards"),
    (
        {"prometheusRule": {"alerts": {"RegistryAuditStale": {"severity": "page"}}}},
        "value must be one of 'critical', 'warning', 'info'",
    ),
    (
        {
            "config": {
                "registries": [{"url": "https://a", "ca_file": "/run/pullproof/configmaps/ca/a"}]
            }
        },
        "config: nothing is mounted at /run/pullproof/configmaps/ca; add ca to configMaps",
    ),
    (
        {
            "config": {
                "registries": [{"url": "https://a", "storage": {"path": "/var/lib/registry"}}]
            }
        },
        "[0].storage.path: nothing is mounted at /var/lib/registry; name its claim",
    ),
    ({"config": {"facts": {"path": "/facts"}}}, "config.facts.path: nothing is mounted at /facts"),
    *(
        ({"resources": {"limits": {"memory": size}}}, "at '/resources/limits/memory'")
        for size in ("512m", "64", 512, "9Mi", "512MB", "0Gi")
    ),
    ({"resources": {"limit": {"memory": "1Gi"}}}, "additional properties 'limit' not allowed"),
    ({"ledger": {"sizeLimit": "1Mi"}}, "at '/ledger/sizeLimit'"),
    ({"ledger": {"persistence": {"size": "1000"}}}, "at '/ledger/persistence/size'"),
    ({"ledger": {"persistence": {"accessModes": []}}}, "at '/ledger/persistence/accessModes'"),
    *(
        (
            {name: {"httpGet": {"path": path, "port": "http"}}},
            f"{name}.httpGet.path: only /-/healthy",
        )
        for name, path in (
            ("livenessProbe", "/-/ready"),
            ("livenessProbe", "/healthz"),
            ("startupProbe", "/-/ready"),
            ("readinessProbe", "/"),
        )
    ),
    (
        {"livenessProbe": {"httpGet": {"path": "/-/healthy", "port": "http", "scheme": "HTTPS"}}},
        "livenessProbe.httpGet.scheme: HTTPS goes with web.tls",
    ),
    ({"livenessProbe": {"tcpSocket": {"port": 9090}}}, "livenessProbe: the web server listens on"),
    ({"livenessProbe": {"periodSeconds": 3}}, "livenessProbe: gives up after 18 seconds"),
    ({"startupProbe": {"failureThreshold": 1}}, "startupProbe: gives up after 10 seconds"),
    ({"terminationGracePeriodSeconds": 0}, "at '/terminationGracePeriodSeconds'"),
    *(
        ({"storage": {"claims": [{"name": "a", "mountPath": path}]}}, f"mountPath: {path} hides")
        for path in ("/", "/var/lib/pullproof", "/var/lib/", "/etc", "/opt", "/usr", "/run")
    ),
    (
        {"extraVolumeMounts": [{"name": "a", "mountPath": "/etc/pullproof"}]},
        "extraVolumeMounts[0].mountPath: /etc/pullproof hides /etc/pullproof",
    ),
    ({"affinity": {"nodeAffinty": {}}}, "additional properties 'nodeAffinty' not allowed"),
    ({"extraEnv": [{"name": "POD_NAME", "value": "a"}]}, "at '/extraEnv/0/name'"),
    ({"extraEnv": [{"name": "PORT", "value": 1}]}, "at '/extraEnv/0/value': got number"),
    *(
        ({"image": {"repository": name}}, "at '/image/repository'")
        for name in ("a.example/b:1", "https://a.example/b", "a.example/B", "a@sha256:1", "a/")
    ),
    ({"image": {"registry": "https://a.example"}}, "at '/image/registry'"),
    ({"global": {"imageRegistry": "https://a.example"}}, "at '/global/imageRegistry'"),
    ({"serviceMonitor": {"enabled": True, "sampleLimit": 10}}, "serviceMonitor.sampleLimit: 10 is"),
    ({"podMonitor": {"enabled": True, "labelLimit": 5}}, "podMonitor.labelLimit: 5 is exceeded"),
    (
        {"serviceMonitor": {"enabled": True, "scrapeTimeout": "0s"}},
        "serviceMonitor.scrapeTimeout: no scrape ends within 0s",
    ),
    ({"serviceMonitor": {"basicAuth": {"username": {"name": "a"}}}}, "missing property 'key'"),
    (
        {
            "serviceMonitor": {"enabled": True},
            "web": {"tls": True, "clientCertificates": True, "configSecret": "web"},
        },
        "serviceMonitor.tlsConfig.cert: web.clientCertificates refuses every scrape",
    ),
    ({"prometheusRule": {"alertLabels": {"my-team": "a"}}}, "'my-team' not allowed"),
    *(
        ({"prometheusRule": {"enabled": True, "alertLabels": {name: "a"}}}, f"alertLabels.{name}:")
        for name in ("severity", "registry", "alertname")
    ),
    (
        {
            "prometheusRule": {
                "enabled": True,
                "alerts": {"RegistryAuditStale": {"labels": {"registry": "a"}}},
            }
        },
        "alerts.RegistryAuditStale.labels.registry: tells alerts apart",
    ),
    (
        {"prometheusRule": {"enabled": True, "extraGroups": [{"name": "a", "rules": []}] * 2}},
        "prometheusRule.extraGroups: a already names a group",
    ),
    ({"prometheusRule": {"extraGroups": [{"rules": []}]}}, "missing property 'name'"),
    (
        {"config": {"registries": [{"url": "https://a", "ca_file": "/run/pullproof/secret/ca/a"}]}},
        "config: nothing is mounted at /run/pullproof/secret; Secrets are at",
    ),
    *(
        ({"config": {"clusters": [cluster]}}, "config.clusters[0]: which cluster is it?")
        for cluster in ({}, {"name": "prod"}, {"context": "prod"}, {"in_cluster": False})
    ),
    (
        {"existingConfig": {"configMap": "a"}, "config": {"registries": [{"url": "https://a"}]}},
        "config.registries: has no effect with existingConfig",
    ),
    (
        {"config": {"registries": [{"url": "https://a"}], "clusters": None}},
        "clusters: write [] where",
    ),
    *(
        (
            {"serviceMonitor": {"enabled": True, "metricRelabelings": [rule]}},
            "serviceMonitor.metricRelabelings[0]: label",
        )
        for rule in (
            {"action": "labeldrop", "regex": "registry"},
            {"action": "LabelDrop", "regex": "work.*"},
            {"action": "labelkeep", "regex": "__name__|registry|repository|tag"},
        )
    ),
    ({"networkPolicy": {"enabled": True, "dns": False}}, "networkPolicy.dns: without it the name"),
    (
        {"networkPolicy": {"enabled": True, "kubernetes": {"ports": []}}},
        "networkPolicy.kubernetes.ports: without any, config.clusters cannot be read",
    ),
]


@pytest.mark.parametrize(("values", "words"), OTHERS)
def test_what_stops_or_blinds_the_auditor_is_refused(values: Json, words: str) -> None:
    said = template(f"--values={DEFAULT}", values=values)

    assert said.code == 1
    assert words in said.errors


FITTING: list[Json] = [
    {
        "serviceMonitor": {
            "enabled": True,
            "metricRelabelings": [
                {"action": "labeldrop", "regex": "pod|container|endpoint"},
                {"action": "drop", "sourceLabels": ["__name__"], "regex": "python_.*"},
            ],
        }
    },
    {"resources": {"limits": {"memory": "1.5Gi"}, "requests": {"memory": 536870912, "cpu": "1"}}},
    {"ledger": {"sizeLimit": ""}},
    {"startupProbe": {"failureThreshold": 30, "periodSeconds": 1}},
    {"readinessProbe": {"failureThreshold": 1}},
    {"livenessProbe": {"exec": {"command": ["true"]}}},
    {"readinessProbe": {"httpGet": {"path": "/-/healthy", "port": 10470}}},
    {"livenessProbe": {"tcpSocket": {"port": 1}}, "extraContainers": [{"name": "a"}]},
    {"storage": {"claims": [{"name": "a", "mountPath": "/var/lib/registry"}]}},
    {"image": {"repository": "localhost:5000/team/pull__proof-x.y"}},
    {"image": {"registry": "[fd00::1]:5000/mirror"}},
    {
        "config": {"clusters": [{"context": "a"}]},
        "extraEnv": [{"name": "KUBECONFIG", "value": "/a"}],
    },
    {
        "config": {"clusters": [{"context": "a"}]},
        "extraVolumeMounts": [{"name": "a", "mountPath": "/home/pullproof/.kube"}],
    },
    {
        "config": {"registries": [{"url": "https://[fd00::a]:5000"}]},
        "networkPolicy": {"enabled": True, "dns": False},
    },
]


@pytest.mark.parametrize("values", FITTING)
def test_what_looks_like_a_mistake_and_is_none_is_taken(values: Json) -> None:
    said = template(f"--values={DEFAULT}", values=values)

    assert said.code == 0, said.errors


def test_no_label_of_a_site_replaces_one_of_a_metric() -> None:
    rules = (CHART / "templates" / "_rules.tpl").read_text()
    (told,) = re.findall(r'define "pullproof.metricLabels" -}}\n(.*)\n', rules)

    assert set(told.split()) == {label for family in FAMILIES for label in family.labels}


def test_all_that_is_wrong_is_told_at_once() -> None:
    registry = {"url": "http://a", "role": "sparse", "password_env": "A"}
    values = {"config": {"registries": [registry, registry]}, "web": {"clientCertificates": True}}
    said = template(f"--values={DEFAULT}", values=values)

    assert len(re.findall(r"config\.registries\[[01]\]\.", said.errors)) == 8
    assert "web.clientCertificates" in said.errors


def complaint(errors: str) -> str:
    """What helm says, without where in which template it was said."""
    (start,) = re.finditer(r"^Error: ", errors, re.MULTILINE)
    text = re.sub(r"execution error at \(.*?\): ", "", errors[start.start() :])
    return text.partition("\n\nUse --debug")[0].strip() + "\n"
