"""With which pull secrets would a kubelet start pods? They are Secrets: read only when told.

Source: Kubernetes `pkg/kubelet/kubelet_pods.go` (`getPullSecretsForPod`), and the admission of
ServiceAccounts, which gives a pod that names no pull secret those of its account.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

import msgspec

from exporter.facts.gap import Gap, Reason, Scope
from exporter.sources import Unseen
from exporter.sources.cluster.decoding import decoded
from exporter.sources.cluster.kinds import SECRETS
from exporter.sources.cluster.objects.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.sources.cluster.objects.secret import Account
    from exporter.sources.cluster.pages import Api
    from exporter.sources.cluster.want import Want

_CONTENT: Final = {
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
    "kubernetes.io/dockercfg": ".dockercfg",
}
"""Where a Secret of each type keeps its logins; others are passed over, as a kubelet does."""
_SECRET: Final = msgspec.json.Decoder(Secret)
_MOST: Final = 2_000
"""Secrets that are read at once."""

Named = tuple[str, str]
"""A namespace and a Secret's name."""


class PullSecrets:
    """The sets of pull secrets of one cluster, by the names that uses give them."""

    def __init__(self, cluster: str, accounts: Iterable[Account]) -> None:
        """Take the ServiceAccounts; no Secret is read yet."""
        self._cluster = cluster
        self._accounts = {
            (each.metadata.namespace, each.metadata.name): tuple(each.secrets) for each in accounts
        }
        self._sets: dict[str, tuple[Named, ...]] = {}

    def login(self, want: Want) -> str:
        """Name the set with which a pod would pull; empty where none of its own is named."""
        if want.pod is None:
            return ""
        namespace, account = want.workload.namespace, want.pod.service_account_name or "default"
        names = tuple(want.pod.secrets)
        # The account's are given to what is made: a pod that nobody makes anew has what it has.
        if not names and want.workload.kind != "Pod":
            names = self._accounts.get((namespace, account), ())
        if not names:
            return ""
        login = f"{self._cluster} {namespace}: {', '.join(names)}"
        self._sets[login] = tuple((namespace, name) for name in names)
        return login

    def contents(self, api: Api, gaps: list[Gap]) -> dict[str, tuple[bytes, ...]]:
        """Read every set that was named; one of which something cannot be read is left out.

        Adds what cannot be read to the gaps. A Secret that is not there is passed over, as a
        kubelet does.
        """
        found: dict[Named, bytes | None] = {}
        wanted = dict.fromkeys(named for each in self._sets.values() for named in each)
        for position, named in enumerate(wanted):
            try:
                found[named] = self._read(api, named, position)
            except Unseen as unseen:
                gaps.append(Gap(Scope.REFERENCES, unseen.subject, unseen.reason, unseen.detail))
        return {
            login: tuple(content for named in each if (content := found[named]) is not None)
            for login, each in self._sets.items()
            if all(named in found for named in each)
        }

    def _read(self, api: Api, named: Named, position: int) -> bytes | None:
        namespace, name = named
        subject = f"{self._cluster}: Secret {namespace}/{name}"
        if position >= _MOST:
            raise Unseen(subject, Reason.TOO_LARGE, f"more than {_MOST} pull secrets")
        body = api.one(subject, f"{SECRETS.path(namespace)}/{name}")
        if body is None:
            return None
        try:
            return _content(decoded(body, _SECRET))
        except ValueError as error:
            raise Unseen(subject, Reason.MALFORMED, "not a Secret") from error


def _content(secret: Secret) -> bytes | None:
    encoded = secret.data.get(_CONTENT.get(secret.type, ""))
    return base64.b64decode(encoded, validate=True) if encoded else None
