"""Answers of an API server: pages of lists, lines of watches, statuses; and of credential plugins.

Source: Kubernetes API v1.34, meta/v1 and client.authentication.k8s.io; classes have its names.
"""

from typing import Generic, TypeVar

from msgspec import UNSET, Raw, UnsetType, field

from exporter.sources.cluster.objects import ApiStruct

Item = TypeVar("Item")


class ListMeta(ApiStruct, frozen=True):
    """Metadata of a list."""

    resource_version: str = ""
    further: str = field(default="", name="continue")
    remaining: int | None = field(default=None, name="remainingItemCount")


class ObjectList(ApiStruct, Generic[Item], frozen=True):
    """One page of a list."""

    kind: str
    metadata: ListMeta
    items: tuple[Item, ...] | UnsetType | None = UNSET


class Versioned(ApiStruct, frozen=True):
    """An object of any kind, or a bookmark: only its version is read."""

    metadata: ListMeta


class GroupVersion(ApiStruct, frozen=True):
    """One version of an API group, without the group."""

    version: str


class ApiGroup(ApiStruct, frozen=True):
    """An API group, as discovery tells it."""

    versions: tuple[GroupVersion, ...]


class ServedResource(ApiStruct, frozen=True):
    """A resource, by its plural name, or a subresource: `deployments/scale`."""

    name: str


class ApiResourceList(ApiStruct, frozen=True):
    """Resources of one version of a group, as discovery tells them."""

    resources: tuple[ServedResource, ...]


class ApiStatus(ApiStruct, frozen=True):
    """Error of an API server."""

    code: int = 0


class WatchEvent(ApiStruct, frozen=True):
    """One event of a watch."""

    type: str
    object: Raw


class ExecCredentialStatus(ApiStruct, frozen=True):
    """Credentials of a plugin; which are set depends on it."""

    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None


class ExecCredential(ApiStruct, frozen=True):
    """Output of a credential plugin (client.authentication.k8s.io)."""

    api_version: str
    status: ExecCredentialStatus
