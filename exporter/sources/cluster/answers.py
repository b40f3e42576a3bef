"""Answers of an API server: pages of lists, lines of watches, statuses; and of credential plugins.

Source: Kubernetes API v1.34, meta/v1 and client.authentication.k8s.io; classes have its names.
"""

from typing import Generic, TypeVar

from msgspec import UNSET, Raw, UnsetType, field

from exporter.sources.cluster.objects import ApiStruct

Item = TypeVar("Item")


class ListMeta(ApiStruct, frozen=True):
    """What a list says of itself."""

    resource_version: str = ""
    further: str = field(default="", name="continue")
    remaining: int | None = field(default=None, name="remainingItemCount")


class ObjectList(ApiStruct, Generic[Item], frozen=True):
    """One page of a list."""

    kind: str
    metadata: ListMeta
    items: tuple[Item, ...] | UnsetType | None = UNSET


class Versioned(ApiStruct, frozen=True):
    """Any object or bookmark: only its version is read."""

    metadata: ListMeta


class ApiStatus(ApiStruct, frozen=True):
    """What an API server says in place of an object."""

    code: int = 0


class WatchEvent(ApiStruct, frozen=True):
    """One line of a watch."""

    type: str
    object: Raw


class ExecCredentialStatus(ApiStruct, frozen=True):
    """The credentials; which of them are there depends on the plugin."""

    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None


class ExecCredential(ApiStruct, frozen=True):
    """What a credential plugin prints (client.authentication.k8s.io)."""

    api_version: str
    status: ExecCredentialStatus
