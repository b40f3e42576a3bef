"""Access to a cluster: kubeconfig, ServiceAccount or credential plugin, read at each use."""

import asyncio
import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import urllib3
from kubernetes.client import ApiClient, Configuration
from kubernetes.config.incluster_config import InClusterConfigLoader
from kubernetes.config.kube_config import ConfigNode, KubeConfigLoader, KubeConfigMerger

from exporter.facts.gap import Reason
from exporter.oci.digest import Malformed
from exporter.ports import Unseen
from exporter.sources.cluster.answers import ExecCredential
from exporter.sources.cluster.resources import decoded
from exporter.sources.program import Program

_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Path of the ServiceAccount's token in a pod."""
_TOKEN: Final = "BearerToken"  # noqa: S105 - the name of a scheme
_EXEC_CREDENTIAL: Final = msgspec.json.Decoder(ExecCredential)
_PAUSE: Final = 10
"""Maximum seconds of a Retry-After."""


@dataclass(frozen=True, slots=True)
class Access:
    """Access to one cluster. Nothing is cached: tokens are rotated, and plugins renew theirs."""

    name: str
    """Name of the cluster in gaps."""
    environ: Mapping[str, str] = field(repr=False)
    context: str = ""
    """Context of the kubeconfig; empty is its current one."""
    kubeconfig: Path | None = None
    """None: the files in KUBECONFIG, or `~/.kube/config`."""
    in_cluster: bool = False
    """As a pod of the cluster, with the token of its ServiceAccount."""
    account: Path = _ACCOUNT
    timeout: float = 30.0
    """Timeout of a plugin, in seconds."""

    def open(self) -> ApiClient:
        """Return a client with the current credentials; close it after use.

        Raises `Unseen`. The messages of the client library are not repeated: some quote a token.
        """
        configuration = Configuration()
        with self._refusing():
            paths = [path for path in self._paths() if path.exists()]
            if self._is_pod(paths):
                token, authority = self.account / "token", self.account / "ca.crt"
                pod = InClusterConfigLoader(str(token), str(authority), environ=self.environ)
                pod.load_and_set(configuration)
            else:
                self._by_kubeconfig(configuration, paths)
            self._settle(configuration)
            return ApiClient(configuration)

    def check(self) -> None:
        """Raise `Unseen` if there are no credentials. No plugin runs, and no cluster is asked."""
        with self._refusing():
            paths = [path for path in self._paths() if path.exists()]
            if not self._is_pod(paths):
                self._chosen(self._merged(paths))
            elif "KUBERNETES_SERVICE_HOST" not in self.environ:
                raise self._unusable("not in a pod of Kubernetes")

    def _is_pod(self, paths: list[Path]) -> bool:
        """Without a file, it is the pod's own cluster, as for kubectl."""
        free = not (paths or self.context or self.kubeconfig)
        return self.in_cluster or (free and "KUBERNETES_SERVICE_HOST" in self.environ)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except Unseen:
            raise
        except Exception as error:
            where = "the ServiceAccount" if self.in_cluster else "the kubeconfig"
            cause = getattr(error, "strerror", None) or "not as it should be"
            raise self._unusable(f"{where} cannot be used: {cause}") from error

    def _paths(self) -> list[Path]:
        if self.kubeconfig:
            return [self.kubeconfig]
        home = str(Path(self.environ.get("HOME", "/"), ".kube", "config"))
        named = self.environ.get("KUBECONFIG") or home
        return [Path(path) for path in named.split(":") if path]

    def _merged(self, paths: list[Path]) -> ConfigNode:
        if not paths:
            named = ", ".join(map(str, self._paths()))
            raise self._unusable(f"no kubeconfig at {named}")
        return _merged([path for path in paths if path.stat().st_size] or paths)

    def _by_kubeconfig(self, configuration: Configuration, paths: list[Path]) -> None:
        merged = self._merged(paths)
        self._prepare(*self._chosen(merged))
        # Without a base path of its own, each relative path is that of the file that names it.
        loader = KubeConfigLoader(merged, self.context or None, config_base_path=None)
        loader.load_and_set(configuration)

    def _chosen(self, merged: ConfigNode) -> tuple[ConfigNode, ConfigNode]:
        """Return the cluster and the user of the context; refuse insecure settings."""
        context = self._entry(
            merged, "context", self.context or merged.value.get("current-context")
        )
        cluster = self._entry(merged, "cluster", context.value.get("cluster"))
        user = self._entry(merged, "user", context.value.get("user"))
        if cluster.value.get("insecure-skip-tls-verify"):
            raise self._unusable("insecure-skip-tls-verify: give its certificate-authority instead")
        if "auth-provider" in user.value:
            raise self._unusable("auth-provider was removed from kubectl too: use an exec plugin")
        if "as" in user.value:
            raise self._unusable(
                "as (impersonation) is not supported: use an account with its own permissions"
            )
        return cluster, user

    def _prepare(self, cluster: ConfigNode, user: ConfigNode) -> None:
        """Run the plugin for credentials."""
        if user.value.get("tokenFile"):
            user.value.pop("token", None)  # the file is the one that is rotated
        if spec := user.value.pop("exec", None):
            folder = Path(user.path or ".").absolute().parent
            given = exec_credentials(spec, cluster.value, folder, self.environ, self.timeout)
            user.value.update(given)

    def _entry(self, merged: ConfigNode, kind: str, name: str | None) -> ConfigNode:
        """Return the entry of a name in the merged files."""
        found: Iterable[ConfigNode] = merged.value.get(f"{kind}s") or ()
        for entry in found:
            if entry.value["name"] == name:
                return ConfigNode(kind, entry.value.get(kind) or {}, entry.path)
        known = ", ".join(sorted(str(entry.value["name"]) for entry in found))
        raise self._unusable(f"no {kind} {name or 'is chosen'}; known: {known or 'none'}")

    def _unusable(self, detail: str) -> Unseen:
        return Unseen(self.name, Reason.CREDENTIALS, detail)

    def _settle(self, configuration: Configuration) -> None:
        """Limit retries, follow no redirect, and send no secrets over plain http."""
        token = configuration.api_key.get(_TOKEN)
        if token:
            token = configuration.api_key[_TOKEN] = token.strip()
            # The client library would quote it where it fails at it.
            if not (token.isascii() and token.isprintable()):
                raise self._unusable("a token with characters that a header cannot contain")
        configuration.refresh_api_key_hook = None
        if token and not configuration.host.startswith("https://"):
            raise self._unusable("a token does not go over http without TLS")
        configuration.retries = urllib3.Retry(
            total=None,
            connect=1,
            read=1,
            status=2,
            redirect=0,
            other=0,
            status_forcelist=(429, 503),
            raise_on_status=False,
            retry_after_max=_PAUSE,
        )


def _merged(paths: list[Path]) -> ConfigNode:
    """Read the files as one; the first that has a value counts, as for kubectl."""
    merger = KubeConfigMerger(":".join(map(str, paths)))
    chosen = (each.get("current-context") for each in merger.config_files.values())
    merged: ConfigNode = merger.config
    merged.value["current-context"] = next(filter(None, chosen), None)
    return merged


def exec_credentials(
    spec: Mapping[str, Any],
    cluster: Mapping[str, Any],
    folder: Path,
    environ: Mapping[str, str],
    timeout: float,
) -> dict[str, str]:
    """Run the plugin of a kubeconfig's user in a folder; return what it gives by the user's keys.

    The official client would wait for it for ever, and go on without credentials where it fails.
    Call it in a thread: it takes as long as the plugin does, at most `timeout` seconds. Raises
    `Unseen`, which never repeats what the plugin printed: it may hold the secret.
    """
    program = str(spec.get("command") or "")
    command = (program, *map(str, spec.get("args") or ()))
    environment = _environment(spec, cluster, environ)
    ended = asyncio.run(Program(command, timeout, folder=folder, environ=environment).run())
    if ended.code:
        raise _failed(program, f"exited with code {ended.code}")
    try:
        given = decoded(ended.printed, _EXEC_CREDENTIAL)
    except Malformed as error:
        raise _failed(program, "its response is not an ExecCredential") from error
    if given.api_version != spec.get("apiVersion"):
        raise _failed(program, "its response has another apiVersion than requested")
    found = {"token": given.status.token} if given.status.token is not None else {}
    certificate, key = given.status.client_certificate_data, given.status.client_key_data
    if certificate is not None and key is not None:
        found["client-certificate-data"] = base64.b64encode(certificate.encode()).decode()
        found["client-key-data"] = base64.b64encode(key.encode()).decode()
    if not found:
        raise _failed(program, "its response has neither a token nor a certificate with its key")
    return found


def _environment(
    spec: Mapping[str, Any], cluster: Mapping[str, Any], environ: Mapping[str, str]
) -> dict[str, str]:
    own = {str(each["name"]): str(each["value"]) for each in spec.get("env") or ()}
    asked: dict[str, Any] = {"interactive": False}
    if spec.get("provideClusterInfo"):
        asked["cluster"] = dict(cluster)
    information = {"apiVersion": spec.get("apiVersion"), "kind": "ExecCredential", "spec": asked}
    return {**environ, **own, "KUBERNETES_EXEC_INFO": json.dumps(information)}


def _failed(program: str, detail: str) -> Unseen:
    return Unseen(program[:100], Reason.CREDENTIALS, detail)
