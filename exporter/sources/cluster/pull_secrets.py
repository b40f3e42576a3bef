"""Pull secrets with which a kubelet would start pods. They are Secrets: read only when told.

Source: Kubernetes `pkg/kubelet/kubelet_pods.go` (`getPullSecretsForPod`), and the admission of
ServiceAccounts, which gives a pod that names no pull secret those of its account.
"""

import base64
from collections.abc import Iterable
from itertools import chain, zip_longest
from typing import Final

from exporter.facts.gap import Gap, Reason, Scope
from exporter.ports import Unseen
from exporter.sources.cluster.api import Api
from exporter.sources.cluster.images import PodImage
from exporter.sources.cluster.names import is_name, plain
from exporter.sources.cluster.objects import LocalObjectReference, Secret, ServiceAccount

_CONTENT: Final = {
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
    "kubernetes.io/dockercfg": ".dockercfg",
}
"""Keys of the logins in a Secret, by its type; others are skipped, as by a kubelet."""
_MOST: Final = 2_000
"""Secrets that are read in parallel."""
_MOST_OF_ONE: Final = 100
"""Maximum Secrets of one account; those of a pod are limited with its images."""
_LARGEST: Final = 256 * 1024
"""Maximum bytes of one Secret's logins: enough for a thousand registries."""
_MOST_BYTES: Final = 32 * 1024 * 1024
_TOO_MUCH: Final = f"more than {_MOST} pull secrets, or more than {_MOST_BYTES} bytes of them"

SecretName = tuple[str, str]
"""Namespace and name of a Secret."""


class PullSecrets:
    """Sets of pull secrets of one cluster, by the names in uses."""

    def __init__(self, cluster: str, accounts: Iterable[ServiceAccount]) -> None:
        """Take the ServiceAccounts, without a request."""
        self._cluster = cluster
        self._accounts = {
            (each.metadata.namespace, each.metadata.name): _names(each.image_pull_secrets)
            for each in accounts
        }
        self._sets: dict[str, tuple[SecretName, ...]] = {}
        self._excess: set[SecretName] = set()
        """Accounts with too many Secrets."""

    def login(self, image: PodImage) -> str:
        """Return the name of a pod's set; empty if it has none of its own."""
        if image.pod is None:
            return ""
        namespace = image.workload.namespace
        names = _names(image.pod.image_pull_secrets)
        # Admission copies the account's into a pod without its own: a pod alone has them already.
        if not names and image.workload.kind != "Pod":
            account = (namespace, image.pod.service_account_name or "default")
            names = self._accounts.get(account, ())
            if len(names) > _MOST_OF_ONE:
                self._excess.add(account)
                names = ()
        if not names:
            return ""
        login = plain(f"{self._cluster} {namespace}: {', '.join(names)}")
        self._sets[login] = tuple((namespace, name) for name in names)
        return login

    def contents(self, api: Api, gaps: list[Gap]) -> dict[str, tuple[bytes, ...]]:
        """Read every set that was named; a set with anything unreadable is left out.

        Adds what cannot be read to the gaps. A Secret that is not there is passed over, as a
        kubelet does.
        """
        found: dict[SecretName, bytes | None] = {}
        room = _MOST_BYTES
        for namespace, account in sorted(self._excess):
            subject = plain(f"{self._cluster}: ServiceAccount {namespace}/{account}")
            detail = f"more than {_MOST_OF_ONE} pull secrets"
            gaps.append(Gap(Scope.REFERENCES, subject, Reason.TOO_LARGE, detail))
        for position, named in enumerate(self._in_turn()):
            try:
                found[named] = self._read(api, named, room if position < _MOST else 0)
            except Unseen as unseen:
                gaps.append(unseen.gap(Scope.REFERENCES))
            else:
                room -= len(found[named] or b"")
        return {
            login: tuple(content for named in each if (content := found[named]) is not None)
            for login, each in self._sets.items()
            if all(named in found for named in each)
        }

    def _in_turn(self) -> list[SecretName]:
        """Return the Secrets that are named, each namespace's first before any second.

        Whoever names very many in one namespace must not use up what is read of the others.
        """
        spaces: dict[str, list[SecretName]] = {}
        for named in dict.fromkeys(chain.from_iterable(self._sets.values())):
            spaces.setdefault(named[0], []).append(named)
        return [named for rank in zip_longest(*spaces.values()) for named in rank if named]

    def _read(self, api: Api, named: SecretName, room: int) -> bytes | None:
        """Read one Secret; keep at most `room` bytes of it."""
        namespace, name = named
        subject = plain(f"{self._cluster}: Secret {namespace}/{name}")
        if room <= 0:
            raise Unseen(subject, Reason.TOO_LARGE, _TOO_MUCH)
        # No Secret is called otherwise, but a path of the API may be.
        secret = api.secret(namespace, name) if is_name(name) else None
        try:
            content = _content(secret) if secret else None
        except ValueError as error:
            raise Unseen(subject, Reason.MALFORMED, "not a Secret") from error
        if content is not None and len(content) > min(_LARGEST, room):
            raise Unseen(subject, Reason.TOO_LARGE, f"credentials of more than {_LARGEST} bytes")
        return content


def _content(secret: Secret) -> bytes | None:
    encoded = secret.data.get(_CONTENT.get(secret.type, ""))
    return base64.b64decode(encoded, validate=True) if encoded else None


def _names(references: Iterable[LocalObjectReference]) -> tuple[str, ...]:
    return tuple(each.name for each in references if each.name)
