"""Is a cluster reached as its kubeconfig says, and is everything unsafe in one refused?"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.cluster.access import Access

if TYPE_CHECKING:
    from tests.parts.certificates import Authority

Json = dict[str, Any]

SECRET = "not-to-be-repeated"


def kubeconfig(
    folder: Path, user: Json | None = None, cluster: Json | None = None, name: str = "prod"
) -> Path:
    document = {
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": {"server": "https://k.example"} | (cluster or {})}],
        "users": [{"name": name, "user": {"token": SECRET} if user is None else user}],
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document))
    return path


def opened(access: Access) -> Any:
    with access.open() as client:
        return client.configuration


def token(access: Access) -> str:
    return str(opened(access).api_key["BearerToken"])


def refused(access: Access) -> str:
    with pytest.raises(Unseen) as unseen:
        opened(access)
    assert unseen.value.reason is Reason.CREDENTIALS
    assert SECRET not in str(unseen.value)
    return unseen.value.detail


def test_a_token_file_is_read_anew_each_time_without_its_line_end(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, {"tokenFile": str(tmp_path / "token")})
    access = Access("prod", {}, kubeconfig=path)

    for text in ("one", "two"):
        (tmp_path / "token").write_text(f"{text}\n")
        assert token(access) == f"Bearer {text}"


def test_without_a_file_to_go_by_it_is_kubectls_own_or_the_pods(tmp_path: Path) -> None:
    first = kubeconfig(tmp_path, name="first")
    second = kubeconfig(tmp_path, {"token": "two"}, name="second")
    environ = {"KUBECONFIG": f"{first}:{second}:{tmp_path}/absent"}
    (tmp_path / ".kube").mkdir()
    first_of_home = kubeconfig(tmp_path, {"token": "home"}, name="home")
    first_of_home.rename(tmp_path / ".kube" / "config")

    assert token(Access("", environ, context="second")) == "Bearer two"
    assert token(Access("", {"HOME": str(tmp_path)})) == "Bearer home"


def test_of_several_files_the_first_that_chooses_a_context_decides(tmp_path: Path) -> None:
    first = kubeconfig(tmp_path, {"token": "one"}, name="first")
    second = kubeconfig(tmp_path, {"token": "two"}, name="second")
    undecided = kubeconfig(tmp_path, {"token": "none"}, name="undecided")
    undecided.write_text(undecided.read_text().replace('"undecided"', '""', 1))
    empty = tmp_path / "empty"
    empty.touch()

    for files, expected in (
        ((first, second), "one"),
        ((second, first), "two"),
        ((empty, undecided, second, first), "two"),
    ):
        environ = {"KUBECONFIG": ":".join(map(str, files))}
        assert token(Access("", environ)) == f"Bearer {expected}"


def test_a_relative_path_is_that_of_the_file_that_names_it(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "token").write_text("there")
    (tmp_path / "there" / "ca.crt").write_bytes(authority.certificate.read_bytes())
    (tmp_path / "token").write_text("here")
    monkeypatch.chdir(tmp_path)
    authority_file = {"certificate-authority": "ca.crt"}
    path = kubeconfig(tmp_path / "there", {"tokenFile": "token"}, authority_file)

    configuration = opened(Access("", {}, kubeconfig=path))

    assert configuration.api_key["BearerToken"] == "Bearer there"
    assert Path(configuration.ssl_ca_cert) == tmp_path / "there" / "ca.crt"


def test_beside_a_token_its_file_counts_since_that_is_rotated(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("new")
    path = kubeconfig(tmp_path, {"token": "old", "tokenFile": "token"})

    assert token(Access("", {}, kubeconfig=path)) == "Bearer new"


def test_in_a_pod_it_is_its_service_accounts_token(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "token").write_text("mine\n")
    (tmp_path / "ca.crt").write_bytes(authority.certificate.read_bytes())
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    pod = Access("", {**environ, "HOME": str(tmp_path)}, account=tmp_path)

    assert token(pod) == "bearer mine"
    assert opened(pod).host == "https://[fd00::1]:443"


def test_a_certificate_that_a_plugin_gives_is_used(tmp_path: Path, authority: Authority) -> None:
    pair = authority.sign("client")
    status = {
        "clientCertificateData": pair.certificate.read_text(),
        "clientKeyData": pair.key.read_text(),
    }
    api = "client.authentication.k8s.io/v1"
    (tmp_path / "said").write_text(json.dumps({"apiVersion": api, "status": status}))
    plugin = {"exec": {"apiVersion": api, "command": "cat", "args": ["said"]}}
    access = Access("", {"PATH": "/bin:/usr/bin"}, kubeconfig=kubeconfig(tmp_path, plugin))

    configuration = opened(access)

    assert Path(configuration.cert_file).read_text() == status["clientCertificateData"]
    assert Path(configuration.key_file).read_text() == status["clientKeyData"]


def test_a_plugin_may_give_a_token_beside_a_certificate(
    tmp_path: Path, authority: Authority
) -> None:
    pair = authority.sign("client")
    status = {
        "token": "one",
        "clientCertificateData": pair.certificate.read_text(),
        "clientKeyData": pair.key.read_text(),
    }
    api = "client.authentication.k8s.io/v1"
    (tmp_path / "said").write_text(json.dumps({"apiVersion": api, "status": status}))
    plugin = {"exec": {"apiVersion": api, "command": "cat", "args": ["said"]}}
    access = Access("", {"PATH": "/bin:/usr/bin"}, kubeconfig=kubeconfig(tmp_path, plugin))

    configuration = opened(access)

    assert configuration.api_key["BearerToken"] == "Bearer one"
    assert Path(configuration.cert_file).read_text() == status["clientCertificateData"]


@pytest.mark.parametrize(
    ("user", "cluster", "told"),
    [
        (None, {"insecure-skip-tls-verify": True}, "insecure-skip-tls-verify"),
        (None, {"server": "http://k.example"}, "does not go over http"),
        ({"auth-provider": {"name": "oidc"}, "token": SECRET}, {}, "auth-provider"),
        (None, {"certificate-authority": "absent.crt"}, "cannot be used"),
        ({"tokenFile": "absent"}, {}, "cannot be used"),
        ({"token": SECRET, "as": "admin"}, {}, "an account with its own permissions"),
        (
            {"token": f"{SECRET}\n{SECRET}"},
            {},
            "a token with characters that a header cannot contain",
        ),
        ({"token": f"{SECRET}\u2026"}, {}, "a token with characters that a header cannot contain"),
        (None, {"proxy-url": "nonsense"}, "cannot be used"),
        (None, {"proxy-url": 7}, "cannot be used"),
    ],
)
def test_what_is_not_safe_or_not_there_is_refused(
    tmp_path: Path, user: Json | None, cluster: Json, told: str
) -> None:
    assert told in refused(Access("", {}, kubeconfig=kubeconfig(tmp_path, user, cluster)))


def test_a_context_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    access = Access("", {}, kubeconfig=kubeconfig(tmp_path), context="staging")

    assert refused(access) == "no context staging; known: prod"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        "a: [",
        "contexts: x",
        "contexts: [{}]",
        "contexts: [7]",
        "{contexts: [{name: a, context: 7}], current-context: a}",
        "{contexts: [{name: a, context: {cluster: a}}], current-context: a, clusters: 7}",
        f"{{users: [{{name: {SECRET}}}, 7], contexts: {{}}}}",
        base64.b64encode(bytes(range(256))).decode(),
    ],
)
def test_a_file_that_is_no_kubeconfig_is_told_and_not_quoted(tmp_path: Path, text: str) -> None:
    (tmp_path / "config").write_text(text)

    assert refused(Access("", {}, kubeconfig=tmp_path / "config"))


def test_no_file_at_all_is_told_with_where_it_was_looked_for(tmp_path: Path) -> None:
    access = Access("", {"HOME": str(tmp_path)})

    assert refused(access) == f"no kubeconfig at {tmp_path}/.kube/config"
