"""Does nothing that a cluster's API fails at turn into "nothing is wanted"?

The faults are those of a real API server, or of something between it and the exporter.
"""

from __future__ import annotations

import base64
import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from exporter.facts.gap import Reason
from exporter.oci.platform import Platform
from exporter.ports import Unseen
from exporter.sources.cluster.access import Access
from exporter.sources.cluster.api import Api
from exporter.sources.cluster.cluster import Cluster, ClusterOptions
from exporter.sources.cluster.custom import CustomResource, FieldPath
from exporter.sources.cluster.resources import PODS
from tests.parts.front import before
from tests.parts.http import RESET, Answer, Asked
from tests.parts.process import PATIENCE
from tests.parts.workloads import SHIPPED, Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from exporter.facts.use import Use
    from exporter.ports import Listing
    from tests.parts.certificates import Authority
    from tests.parts.front import Front
    from tests.parts.kubernetes import Kubernetes

pytestmark = pytest.mark.real


@pytest.fixture
def token(site: Site) -> str:
    return site.account("pullproof", *SHIPPED)


def source(site: Site, folder: Path, token: str, url: str = "") -> Cluster:
    path = site.api.kubeconfig(folder / "kubeconfig", token, url)
    access = Access("prod", {}, kubeconfig=path, timeout=PATIENCE)
    return Cluster(access, ClusterOptions(), lambda: 0.0)


def images(site: Site, found: Listing[Use]) -> set[str]:
    return {use.reference.repository for use in own(site, found)}


def own(site: Site, found: Listing[Use]) -> list[Use]:
    """What this test's namespace wants: others share the API server."""
    return [
        use
        for use in found.entries
        if use.workload is not None and use.workload.namespace == site.namespace
    ]


@contextmanager
def between(
    cluster: Kubernetes, authority: Authority, spoil: Callable[[Asked], Answer | None]
) -> Iterator[Front]:
    """Stand before the API server."""
    tls = authority.sign("front")
    with before(cluster.url, spoil, cluster.authority, tls) as front:
        yield front


def paged(site: Site, folder: Path, token: str, url: str = "") -> list[str]:
    """List the pods of the namespace, two a page; return their names."""
    path = site.api.kubeconfig(folder / "config", token, url)
    access = Access("prod", {}, kubeconfig=path, timeout=PATIENCE)
    with access.open() as client:
        api = Api("prod", client, PATIENCE, time.monotonic() + PATIENCE)
        found, _ = api.listed(PODS, site.namespace, most=2)
    return [pod.metadata.name for pod in found]


def test_a_list_of_many_pages_is_whole_and_in_order(site: Site, tmp_path: Path, token: str) -> None:
    for number in range(7):
        site.pod(f"p{number}", "shop/web:1")

    assert paged(site, tmp_path, token) == [f"p{number}" for number in range(7)]


def test_a_list_that_expires_between_two_pages_is_begun_again(
    site: Site, tmp_path: Path, token: str, authority: Authority
) -> None:
    """After the first page the store is compacted, so that the server has forgotten its place."""
    for number in range(5):
        site.pod(f"p{number}", "shop/web:1")
    forgotten: list[str] = []

    def forget(asked: Asked) -> Answer | None:
        if "continue" in asked.target and not forgotten:
            site.pod("a-newer-one", "shop/web:1")
            site.api.compact()
            forgotten.append(asked.target)
        return None

    with between(site.api, authority, forget) as front:
        found = paged(site, tmp_path, token, front.url)

    assert found == ["a-newer-one", *(f"p{number}" for number in range(5))]
    begun = [asked for asked in front.asked if "continue" not in asked.target]
    assert len(begun) == 2


def test_a_list_that_expires_each_time_is_a_gap(
    site: Site, tmp_path: Path, token: str, authority: Authority
) -> None:
    for number in range(5):
        site.pod(f"p{number}", "shop/web:1")

    def forget(asked: Asked) -> None:
        if "continue" in asked.target:
            site.pod(f"q{time.monotonic_ns()}", "shop/web:1")
            site.api.compact()

    with (
        between(site.api, authority, forget) as front,
        pytest.raises(Unseen) as unseen,
    ):
        paged(site, tmp_path, token, front.url)

    assert unseen.value.reason is Reason.INCOMPLETE_LIST


def cut(answer: bytes) -> Answer:
    """An answer whose connection breaks before its end."""
    return Answer(
        200, answer[: len(answer) // 2], {"Content-Type": "application/json"}, len(answer)
    )


SPOILED = {
    "dropped": (cut, Reason.RESET),
    "reset": (lambda _: RESET, Reason.RESET),
    "half a document": (lambda whole: Answer(200, whole[: len(whole) // 2]), Reason.MALFORMED),
    "nothing": (lambda _: Answer(200, b"{}"), Reason.MALFORMED),
    "empty list of nobody": (
        lambda _: Answer(200, b'{"kind":"PodList","items":[]}'),
        Reason.MALFORMED,
    ),
    "a list without a version": (
        lambda _: Answer(200, b'{"kind":"PodList","metadata":{},"items":[]}'),
        Reason.MALFORMED,
    ),
    "a version without a list": (
        lambda _: Answer(200, b'{"kind":"PodList","metadata":{"resourceVersion":"7"}}'),
        Reason.MALFORMED,
    ),
    "not UTF-8": (lambda whole: Answer(200, whole.replace(b'"name"', b'"\xff"')), Reason.MALFORMED),
    "a page for people": (lambda _: Answer(200, b"<html>Log in"), Reason.MALFORMED),
    "elsewhere": (lambda _: Answer(302, headers={"Location": "/login"}), Reason.REDIRECT),
    "overloaded": (lambda _: Answer(500, b"{}"), Reason.SERVER_ERROR),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_a_list_that_fails_keeps_what_it_showed_last_and_the_others_are_seen(
    site: Site, tmp_path: Path, token: str, authority: Authority, fault: str
) -> None:
    """Pods alone are asked over a door that fails; what is deployed is seen all the same."""
    site.pod("bare", "shop/bare:1")
    site.controller("Deployment", "web", "shop/web:1")
    spoil, reason = SPOILED[fault]
    failing: list[bool] = []

    def answer(asked: Asked) -> Answer | None:
        if not failing or not asked.target.startswith("/api/v1/pods"):
            return None
        return spoil(site.api.http.get("/api/v1/pods").content)

    with between(site.api, authority, answer) as front:
        cluster = source(site, tmp_path, token, front.url)
        whole = cluster.uses()
        site.controller("Deployment", "later", "shop/later:1")
        failing.append(True)
        partial = cluster.uses()

    assert whole.complete
    assert [(gap.subject, gap.reason) for gap in partial.gaps] == [("prod: pods", reason)]
    assert images(site, whole) == {"shop/bare", "shop/web"}
    assert images(site, partial) == {"shop/bare", "shop/web", "shop/later"}


def test_a_node_that_joins_while_the_lists_are_read_is_not_taken_for_one_that_left(
    site: Site, tmp_path: Path, token: str, authority: Authority
) -> None:
    joined: list[str] = []

    def join(asked: Asked) -> None:
        if asked.target.startswith("/api/v1/pods") and not joined:
            joined.append(asked.target)
            site.node("late", "arm64")
            site.pod("first-there", "shop/bare:1", "late")

    with between(site.api, authority, join) as front:
        found = source(site, tmp_path, token, front.url).uses()

    (use,) = own(site, found)
    assert use.platforms == {Platform("linux", "arm64")}


def test_an_object_nested_deeper_than_anybody_reads_hides_no_other(
    site: Site, tmp_path: Path, token: str
) -> None:
    """Whoever may write a revision could make a server keep thousands of levels."""
    database = site.controller("StatefulSet", "db", "shop/db:3")
    site.revisions(database, "shop/db:1", "shop/db:2", "shop/db:3")
    path = f"/apis/apps/v1/namespaces/{site.namespace}/controllerrevisions"
    meta = json.dumps({"name": "deep", "namespace": site.namespace})
    kind = '"apiVersion": "apps/v1", "kind": "ControllerRevision", "revision": 1'
    body = f'{{{kind}, "metadata": {meta}, "data": {{"a": {"[" * 5_000 + "]" * 5_000}}}}}'
    made = site.api.http.post(path, content=body, headers={"Content-Type": "application/json"})

    found = source(site, tmp_path, token).uses()
    site.api.delete(f"{path}/deep")

    assert made.is_success, made.text
    assert found.complete
    assert "shop/db" in images(site, found)
    assert [use.reference.repository for use in own(site, found)].count("shop/db") == 3


def test_a_secret_that_cannot_be_read_costs_nothing_but_itself(
    site: Site, tmp_path: Path, authority: Authority
) -> None:
    for name in ("good", "odd"):
        account = {"imagePullSecrets": [{"name": name}]}
        site.make("v1", "ServiceAccount", f"sa-{name}", None, **account)
        logins = base64.b64encode(b'{"auths": {}}').decode()
        more = {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": logins}}
        site.make("v1", "Secret", name, None, **more)
        site.pod(name, "shop/bare:1", spec={"imagePullSecrets": [{"name": name}]})
    labels = {"owner": "helm", "name": "shop", "status": "superseded"}
    for number in (1, 2):
        marks = {"labels": labels | {"version": str(number)}}
        site.make("v1", "Secret", f"r{number}", None, type="helm.sh/release.v1", metadata=marks)
    secrets = f"/api/v1/namespaces/{site.namespace}/secrets/"

    def door(asked: Asked) -> Answer | None:
        odd = asked.target in (f"{secrets}odd", f"{secrets}r1")
        return Answer(200, b'{"kind": "Secret", "type": "\xff", "metadata": {}}') if odd else None

    with between(site.api, authority, door) as front:
        path = site.api.kubeconfig(tmp_path / "kubeconfig", url=front.url)
        extent = ClusterOptions(helm=True, pull_secrets=True)
        cluster = Cluster(
            Access("prod", {}, kubeconfig=path, timeout=PATIENCE), extent, lambda: 0.0
        )
        found = cluster.uses()

    odd = {f"prod: Secret {site.namespace}/{name}": Reason.MALFORMED for name in ("odd", "r1")}
    assert {gap.subject: gap.reason for gap in found.gaps} == odd
    assert list(cluster.pull_secrets()) == [f"prod {site.namespace}: good"]


def test_a_custom_resource_that_fails_or_is_not_served_costs_no_other(
    site: Site, tmp_path: Path, authority: Authority
) -> None:
    """Behind some of them is a server of their own, which may be away alone."""
    site.pod("bare", "shop/bare:1")
    image = (FieldPath.parse("spec.image"),)
    custom = tuple(CustomResource("shop.example", "v1", each, image) for each in ("a", "b"))

    def door(asked: Asked) -> Answer | None:
        return RESET if asked.target.startswith("/apis/shop.example/v1/a") else None

    with between(site.api, authority, door) as front:
        path = site.api.kubeconfig(tmp_path / "kubeconfig", url=front.url)
        access = Access("prod", {}, kubeconfig=path, timeout=PATIENCE)
        found = Cluster(access, ClusterOptions(custom=custom), lambda: 0.0).uses()

    assert images(site, found) == {"shop/bare"}
    assert {gap.subject: gap.reason for gap in found.gaps} == {
        "prod: a.shop.example": Reason.RESET,
        "prod: b.shop.example": Reason.UNSUPPORTED,
    }


def test_a_custom_resource_with_odd_metadata_costs_no_other(
    site: Site, tmp_path: Path, authority: Authority
) -> None:
    """A server of its own may say what Kubernetes' own never would."""
    site.pod("bare", "shop/bare:1")
    custom = CustomResource("shop.example", "v1", "a", (FieldPath.parse("spec.image"),))
    odd = [
        {"kind": "A", "metadata": metadata, "spec": {"image": site.image("shop/odd:1")}}
        for metadata in (None, {"name": 7})
    ]
    body = {"kind": "AList", "metadata": {"resourceVersion": "1"}, "items": odd}

    def door(asked: Asked) -> Answer | None:
        listed = asked.target.startswith("/apis/shop.example/v1/a")
        return Answer(200, json.dumps(body).encode()) if listed else None

    with between(site.api, authority, door) as front:
        path = site.api.kubeconfig(tmp_path / "kubeconfig", url=front.url)
        access = Access("prod", {}, kubeconfig=path, timeout=PATIENCE)
        found = Cluster(access, ClusterOptions(custom=(custom,)), lambda: 0.0).uses()

    assert images(site, found) == {"shop/bare"}
    assert "shop/odd" in {use.reference.repository for use in found.entries}


def test_a_cluster_that_is_away_is_unseen_and_not_empty(
    site: Site, tmp_path: Path, token: str, authority: Authority
) -> None:
    with between(site.api, authority, lambda _: RESET) as front, pytest.raises(Unseen) as reset:
        source(site, tmp_path, token, front.url).uses()
    with pytest.raises(Unseen) as away:
        source(site, tmp_path, token, front.url).uses()
    site.api.kubeconfig(tmp_path / "strange", token)
    strange = json.loads((tmp_path / "strange").read_text())
    strange["clusters"][0]["cluster"].pop("certificate-authority")
    (tmp_path / "strange").write_text(json.dumps(strange))
    access = Access("prod", {}, kubeconfig=tmp_path / "strange", timeout=PATIENCE)
    with pytest.raises(Unseen) as distrusted:
        Cluster(access, ClusterOptions(), lambda: 0.0).uses()

    reasons = [each.value.reason for each in (reset, away, distrusted)]
    assert reasons == [Reason.RESET, Reason.CONNECT, Reason.TLS]


def test_a_token_that_expired_is_refused_and_the_rotated_one_is_read_from_its_file(
    site: Site, tmp_path: Path, token: str
) -> None:
    """As a pod has it: the kubelet writes the projected token anew before it expires."""
    site.pod("bare", "shop/bare:1")
    host, _, port = site.api.server.address.partition(":")
    environ = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    (tmp_path / "ca.crt").write_bytes(site.api.authority.read_bytes())
    (tmp_path / "token").write_text(expired(site, token))
    access = Access("prod", environ, in_cluster=True, account=tmp_path, timeout=PATIENCE)
    cluster = Cluster(access, ClusterOptions(), lambda: 0.0)
    with pytest.raises(Unseen) as unseen:
        cluster.uses()

    (tmp_path / "token").write_text(f"{token}\n")

    assert unseen.value.reason is Reason.UNAUTHORIZED
    assert images(site, cluster.uses()) == {"shop/bare"}


def expired(site: Site, token: str) -> str:
    """The same token, signed anew by the API server's own key, with its time long past."""
    header, claims, _ = token.split(".")
    told = json.loads(base64.urlsafe_b64decode(f"{claims}=="))
    past = {"exp": told["iat"] - 3600, "iat": told["iat"] - 7200, "nbf": told["iat"] - 7200}
    body = base64.urlsafe_b64encode(json.dumps(told | past).encode()).rstrip(b"=").decode()
    key = serialization.load_pem_private_key(site.api.accounts.key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    signature = key.sign(f"{header}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
    r, s = utils.decode_dss_signature(signature)
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return f"{header}.{body}.{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}"


def test_a_plugin_gives_the_token_and_one_that_hangs_or_fails_is_told(
    site: Site, tmp_path: Path, token: str
) -> None:
    site.pod("bare", "shop/bare:1")
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    (tmp_path / "answer").write_text(json.dumps(answer | {"status": {"token": token}}))

    def told(script: str, timeout: float = PATIENCE) -> Listing[Use]:
        path = site.api.kubeconfig(tmp_path / "kubeconfig")
        document = json.loads(path.read_text())
        plugin = {"apiVersion": answer["apiVersion"], "command": "sh", "args": ["-c", script]}
        document["users"][0]["user"] = {"exec": plugin}
        path.write_text(json.dumps(document))
        access = Access("prod", {"PATH": "/bin:/usr/bin"}, kubeconfig=path, timeout=timeout)
        return Cluster(access, ClusterOptions(), lambda: 0.0).uses()

    assert images(site, told("cat answer")) == {"shop/bare"}
    for script, timeout in (("sleep 600", 1.0), ("exit 1", PATIENCE)):
        with pytest.raises(Unseen) as unseen:
            told(script, timeout)
        assert unseen.value.reason is Reason.CREDENTIALS
