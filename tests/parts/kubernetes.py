"""A real Kubernetes API: etcd and kube-apiserver with RBAC. Nothing runs pods in it.

Tests write the nodes, and the statuses of pods, as a kubelet would.
"""

from __future__ import annotations

import json
import secrets
import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx

from tests.parts.certificates import Authority, Pair
from tests.parts.needs import asset
from tests.parts.process import PATIENCE, Running, running, until

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

_ANYWHERE: Final = "127.0.0.1"
_ETCD_LISTENS: Final = r'serving client traffic insecurely.*"address":"([\w.:]+)"'
_SERVES: Final = r"Serving securely on ([\w.:]+)"
_ISSUER: Final = "https://kubernetes.default.svc"
_GONE: Final = httpx.codes.NOT_FOUND
_NOW: Final = {"gracePeriodSeconds": "0"}
_GATES: Final = (
    "ImageVolume=true",  # on by itself from 1.35
    "ListFromCacheSnapshot=false",  # so that a compaction is felt, as on every older server
)


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """An API server that is up, asked by somebody who may do everything."""

    url: str
    authority: Path
    """PEM: what a client must trust."""
    server: Running
    etcd: str
    """etcd's URL."""
    accounts: Pair
    """What the tokens of ServiceAccounts are signed with."""
    admin: str
    """A token that may do everything."""
    http: httpx.Client
    again: Callable[[], object]
    """Starts another API server at the same address, over the same store."""
    made: list[str] = field(default_factory=list)
    """The paths of what was created, in that order."""

    def create(self, document: Json) -> Json:
        """Create an object; its status, where it has one, is written as its controller would."""
        path = self.path(document)
        created = self._said(self.http.post(path, json=document))
        where = f"{path}/{created['metadata']['name']}"
        self.made.append(where)
        if "status" in document:
            return self.report(where, document["status"])
        return created

    def report(self, where: str, status: Json) -> Json:
        """Write an object's status, as a kubelet or a controller would."""
        patch = {"Content-Type": "application/merge-patch+json"}
        body = json.dumps({"status": status})
        return self._said(self.http.patch(f"{where}/status", content=body, headers=patch))

    def get(self, path: str) -> Json:
        """Read what is at a path."""
        return self._said(self.http.get(path))

    def replace(self, path: str, document: Json) -> Json:
        """Put another document in the place of an object."""
        return self._said(self.http.put(path, json=document))

    def delete(self, path: str) -> None:
        """Delete an object at once, without grace: nothing here would end a pod's processes."""
        self.http.delete(path, params=_NOW)

    def namespace(self, name: str = "") -> str:
        """Make a namespace of one's own, with the ServiceAccount that its pods run as."""
        name = name or f"test-{secrets.token_hex(4)}"
        self._said(self.http.post("/api/v1/namespaces", json=_object("v1", "Namespace", name)))
        self.create(_object("v1", "ServiceAccount", "default", name))
        return name

    def account(self, namespace: str, name: str) -> str:
        """Make a ServiceAccount, and return a token of it."""
        self.create(_object("v1", "ServiceAccount", name, namespace))
        return self.token(namespace, name)

    def grant(self, namespace: str, account: str, *rules: Json, everywhere: bool = False) -> str:
        """Let a ServiceAccount do what rules say, in its namespace or everywhere.

        Returns the path of the role.
        """
        kind, where = ("ClusterRole", "") if everywhere else ("Role", namespace)
        name = f"{account}-{secrets.token_hex(4)}"
        group = "rbac.authorization.k8s.io"
        subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
        role = _object(f"{group}/v1", kind, name, where) | {"rules": list(rules)}
        binding = _object(f"{group}/v1", f"{kind}Binding", name, where) | {"subjects": [subject]}
        binding["roleRef"] = {"apiGroup": group, "kind": kind, "name": name}
        self.create(role)
        self.create(binding)
        return f"{self.path(role)}/{name}"

    def token(self, namespace: str, account: str) -> str:
        """Ask for a token of a ServiceAccount (TokenRequest), good for an hour."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        return str(self._said(self.http.post(path, json=request))["status"]["token"])

    def kubeconfig(self, path: Path, token: str = "", url: str = "") -> Path:
        """Write a kubeconfig for a token, the administrator's by default; its context is `test`."""
        cluster = {"server": url or self.url, "certificate-authority": str(self.authority)}
        context = {"cluster": "test", "user": "test"}
        document: Json = {"apiVersion": "v1", "kind": "Config", "current-context": "test"}
        document["clusters"] = [{"name": "test", "cluster": cluster}]
        document["users"] = [{"name": "test", "user": {"token": token or self.admin}}]
        document["contexts"] = [{"name": "test", "context": context}]
        path.write_text(json.dumps(document))  # JSON is YAML
        return path

    def path(self, document: Json) -> str:
        """Where objects of a document's kind and namespace are listed and created."""
        version = document["apiVersion"]
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        known = self.get(base)["resources"]
        kind = next(each for each in known if each["kind"] == document["kind"])
        if kind["namespaced"]:
            base += f"/namespaces/{document['metadata']['namespace']}"
        return f"{base}/{kind['name']}"

    def restart(self) -> None:
        """End the API server at once, and start it again."""
        self.server.kill()
        self.again()
        self.wait()

    def wait(self) -> None:
        """Wait until the API server is ready."""
        ready = ("/readyz", "/api/v1/namespaces/default")

        def answers() -> bool:
            with suppress(httpx.TransportError):
                return all(self.http.get(path).is_success for path in ready)
            return False

        until(answers, "the API server is ready")

    def compact(self) -> None:
        """Forget all that was: whoever is in the middle of a list has lost his place."""
        now = self._store("range", {"key": "eA=="})["header"]["revision"]
        self._store("compaction", {"revision": now, "physical": True})

    def _store(self, verb: str, request: Json) -> Json:
        url = f"{self.etcd}/v3/kv/{verb}"
        return self._said(httpx.post(url, json=request, trust_env=False, timeout=PATIENCE))

    def define(self, version: str, kind: str, scope: str = "Namespaced") -> None:
        """Define a custom resource of any form, and wait until the API serves it."""
        group, _, name = version.partition("/")
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        served = {"name": name, "served": True, "storage": True, "subresources": {"status": {}}}
        served["schema"] = {"openAPIV3Schema": schema}
        names = {"plural": f"{kind.lower()}s", "singular": kind.lower(), "kind": kind}
        definition = _object(
            "apiextensions.k8s.io/v1", "CustomResourceDefinition", f"{names['plural']}.{group}"
        )
        spec = {"group": group, "scope": scope, "names": names, "versions": [served]}
        self.create({**definition, "spec": spec})
        self.served(version, kind)

    def served(self, version: str, kind: str) -> None:
        """Wait until the API serves a kind that was defined just now."""
        path = f"/apis/{version}"

        def known() -> bool:
            answer = self.http.get(path)
            kinds = answer.json()["resources"] if answer.is_success else ()
            return any(each["kind"] == kind for each in kinds)

        until(known, f"{kind} is served")

    def forget(self) -> None:
        """Delete what was created, the latest first. Namespaces stay: nothing finalizes them."""
        made, self.made[:] = self.made[::-1], []
        for path in made:
            self.delete(path)
        # The API server removes the objects of a definition first: until then it cannot be made.
        defined = [path for path in made if "/customresourcedefinitions/" in path]
        until(lambda: all(self.http.get(path).status_code == _GONE for path in defined), "gone")

    def _said(self, answer: httpx.Response) -> Json:
        assert answer.is_success, f"{answer.request.method} {answer.url}: {answer.text}"
        return dict(answer.json())


@contextmanager
def kubernetes(folder: Path, authority: Authority) -> Iterator[Kubernetes]:
    """Run etcd and an API server whose data, keys and logs are in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    admin = secrets.token_urlsafe()
    (folder / "tokens.csv").write_text(f'{admin},admin,admin,"system:masters"\n')
    accounts = authority.sign("service-accounts")
    serving = authority.sign("kube-apiserver")
    with (
        _etcd(folder) as etcd,
        _free_port() as port,
        ExitStack() as servers,
        httpx.Client(
            base_url=f"https://{_ANYWHERE}:{port}",
            verify=ssl.create_default_context(cafile=authority.certificate),
            headers={"Authorization": f"Bearer {admin}"},
            trust_env=False,
            timeout=PATIENCE,
        ) as http,
    ):

        def start() -> Running:
            return servers.enter_context(_server(folder, etcd, accounts, serving, port))

        server, trusted = start(), authority.certificate
        url = f"https://{server.address}"
        made = Kubernetes(url, trusted, server, etcd, accounts, admin, http, start)
        made.wait()
        yield made


@contextmanager
def _etcd(folder: Path) -> Iterator[str]:
    with _free_port() as port, _free_port() as peers:
        url, peer = f"http://{_ANYWHERE}:{port}", f"http://{_ANYWHERE}:{peers}"
        command = [
            *(asset("etcd"), "--unsafe-no-fsync", "--socket-reuse-port"),
            f"--data-dir={folder / 'etcd'}",
            *(f"--listen-client-urls={url}", f"--advertise-client-urls={url}"),
            *(f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}"),
            f"--initial-cluster=default={peer}",
        ]
        with running(command, _ETCD_LISTENS, folder / "etcd.log"):
            yield url


@contextmanager
def _server(folder: Path, etcd: str, accounts: Pair, serving: Pair, port: int) -> Iterator[Running]:
    command = [
        *(asset("kube-apiserver"), f"--etcd-servers={etcd}", "--authorization-mode=RBAC"),
        *(f"--bind-address={_ANYWHERE}", f"--advertise-address={_ANYWHERE}"),
        *(f"--secure-port={port}", "--permit-port-sharing"),
        f"--feature-gates={','.join(_GATES)}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--service-account-issuer={_ISSUER}",
        f"--service-account-key-file={accounts.certificate}",
        f"--service-account-signing-key-file={accounts.key}",
        "--service-cluster-ip-range=10.0.0.0/24",
        f"--token-auth-file={folder / 'tokens.csv'}",
    ]
    with running(command, _SERVES, folder / "kube-apiserver.log") as server:
        yield server


@contextmanager
def _free_port() -> Iterator[int]:
    """Hold a port that nobody else is given; the server binds it beside us, and only it listens."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((_ANYWHERE, 0))
        yield held.getsockname()[1]


def _object(version: str, kind: str, name: str, namespace: str = "") -> Json:
    where = {"namespace": namespace} if namespace else {}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name} | where}
