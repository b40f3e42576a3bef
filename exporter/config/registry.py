"""Settings of a registry: how it is reached, and what is expected of it."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Annotated, Final, Self

from pydantic import ByteSize, Field, PlainValidator, field_validator, model_validator

from exporter.config.repositories import RepositoriesSettings
from exporter.config.storage import StorageSettings
from exporter.config.values import (
    CollectorName,
    FilePath,
    Glob,
    Host,
    Interval,
    Period,
    PlatformName,
    PullsName,
    RoleName,
    Section,
    Size,
    Timeout,
    TypeGlob,
    Url,
    Variable,
    at_least,
    authority,
    choice,
    duration,
    invalid,
    spell,
)
from exporter.facts.registry_kind import Pulls
from exporter.facts.snapshot import Role
from exporter.facts.use import ReferenceClass
from exporter.oci.platform import Platform
from exporter.oci.reference import spellings
from exporter.ports import Unseen
from exporter.resolve.unpacking import library

ALWAYS: Final = "always"
_LEAST: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """At each audit, or once in a period of at least a minute."""

    period: timedelta = timedelta()
    """Zero is at each audit."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read `always` or a duration; raise `ValueError` for anything else."""
        if isinstance(value, cls):
            return value
        if not isinstance(value, str):
            raise ValueError("must be text: always, or a duration such as 6h")  # noqa: TRY004 - pydantic reports ValueError
        return cls() if value == ALWAYS else cls(at_least(_LEAST, duration(value)))

    def __str__(self) -> str:
        """Return it as the configuration spells it."""
        return spell(self.period) if self.period else ALWAYS


Often = Annotated[Recurrence, PlainValidator(Recurrence.parse)]


class Source(StrEnum):
    """Where bytes are read."""

    API = "api"
    STORAGE = "storage"


SourceName = Annotated[Source, PlainValidator(partial(choice, Source))]


class ScrubSettings(Section):
    """Reads every needed byte whole, over time, and hashes it. Off where it is not set."""

    period: Period = timedelta(days=30)
    """Time between two full reads of a blob; at least a minute."""
    bytes_per_day: Size | None = None
    """Budget of all shards together, `500GiB` or `2TB`, spread over the day; `null` is what the
    period needs."""
    bytes_per_second: Size | None = None
    """Maximum rate, `20MiB`, for all shards together; `null` is no limit."""
    read_from: SourceName = Source.API
    """`api`, or `storage`: directly from the registry's storage, without load on the registry."""
    uncompressed: bool = False
    """Also unpack each layer once and compare it with the `diff_ids` of its images: takes CPU
    time. Needs the extra `pullproof[zstd]`."""
    uncompressed_limit: Size = ByteSize(100 * 2**30)
    """A layer that unpacks to more is not compared; it is reported as a gap."""

    @field_validator("uncompressed")
    @classmethod
    def _can_unpack(cls, asked: bool) -> bool:  # noqa: FBT001 - what pydantic calls
        try:
            library() if asked else None
        except Unseen as unseen:
            raise ValueError(unseen.detail) from unseen
        return asked


class VerifySettings(Section):
    """How often the content of tags is asked for, and how often it is read in full.

    Tags are resolved at every audit. The content of one that names the digest of before, and was
    wholly there, is asked for again when its period ends; that of all others at every audit. With
    `storage`, the storage and `period` decide that instead, for what reads it.
    """

    live: Often = Recurrence()
    """Images in use: `always` (at every audit), or once in this period, at least a minute. A tag
    of several classes follows the highest one."""
    latest: Often = Recurrence()
    """Latest tags."""
    idle: Often = Recurrence(timedelta(hours=6))
    """Images of workloads that are scaled to zero or suspended."""
    rollback: Often = Recurrence(timedelta(days=1))
    """Images that a rollback would start."""
    selected: Often = Recurrence(timedelta(days=1))
    """All other tags."""
    period: Period | None = None
    """Time between two full reads of the same content, at least a minute: of blobs, if the registry
    ignores ranges (Gitea, Quay) and sends the whole blob; of manifests, if reading them leaves no
    trace. In between, content is requested by HEAD. `null` is the `period` of `scrub`, or a day
    without a scrub. With `storage`, also the period in which the registry is asked once about
    everything that its storage proves; there `null` is a day."""
    bytes_per_audit: Size = ByteSize(10 * 2**30)
    """Maximum size of all blobs that one audit reads in full, for all shards together. Blobs that
    exceed it keep their last verification, or are unknown (`budget`) until a later audit."""

    @property
    def periods(self) -> dict[ReferenceClass, float]:
        """Seconds, by class; without those whose content is asked for at every audit."""
        named: dict[ReferenceClass, Recurrence] = {
            each: getattr(self, each.value) for each in ReferenceClass
        }
        return {at: each.period.total_seconds() for at, each in named.items() if each.period}


class ReferrersSettings(Section):
    """Looks at attachments (signatures, attestations) of live and latest images at every audit.

    Off where it is not set. It costs one request for each manifest of these images, and what each
    attachment costs; for an image without a required one, up to 20 requests.
    """

    require: tuple[TypeGlob, ...] = Field(default=(), max_length=100)
    """Artifact types that each of them must have, or patterns, such as
    `application/vnd.dev.sigstore.bundle*`; a tag `sha256-HEX.sig` of cosign has the type
    `application/vnd.dev.cosign.artifact.sig.v1+json`."""


class EventsSettings(Section):
    """Takes the events that the registry sends to `POST /-/events/NAME`.

    What they name is audited within seconds: `docs/events.md`.
    """

    token_file: FilePath
    """File that holds the token that the sender shows (`Authorization: Bearer`) or signs with."""


class TagsSettings(Section):
    """Tags of a repository that are audited, beside those that references name."""

    latest: tuple[Glob, ...] = ("latest",)
    """Patterns of tags with the class `latest`; they are always audited."""
    select: tuple[Glob, ...] = ()
    """Patterns of tags with the class `selected`."""
    leave_out: tuple[Glob, ...] = ()
    """Patterns to exclude; they take precedence over `select`, but not over `latest` or a
    reference."""
    limit: int = Field(default=100_000, ge=1)
    """Maximum number of tags per repository. Longer lists are cut there and reported as a gap."""
    total: int = Field(default=50_000, ge=1)
    """Maximum number of tags of all repositories together; more are reported as a gap."""


class PartSettings(Section):
    """Repositories with another role than the rest of their registry.

    Proxy projects of Harbor, proxy-cache organizations of Quay, remote repositories of Artifactory
    and Nexus.
    """

    repositories: tuple[Glob, ...] = Field(min_length=1)
    """Patterns of their names, such as `dockerhub/*`; `*` also matches slashes."""
    role: RoleName
    """As the registry's own `role`. Nothing is requested of a `proxy`: it would fetch from
    upstream, and its images are reported as `by-design`."""
    platforms: tuple[PlatformName, ...] = ()
    """Platforms of a sparse mirror."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_platforms(self.platforms, self.role)
        return self


def check_platforms(platforms: tuple[Platform, ...], role: Role) -> None:
    """Raise for platforms without a sparse mirror, and for a mirror without any."""
    if bool(platforms) is not (role is Role.SPARSE):
        raise invalid("platforms", "belongs to role: sparse, which needs it")


class RegistrySettings(Section):
    """One registry, how it is reached, and what is expected of it."""

    url: Url
    """`https://host[:port]`; `http://` only with `plain_http: true`."""
    name: str | None = Field(default=None, min_length=1, max_length=100)
    """Name in metrics and reports; `null` is the host of `url`."""
    aliases: tuple[Host, ...] = ()
    """Other hosts that references use for it."""
    role: RoleName = Role.OWNED
    """`owned`; `proxy` is a pull-through cache and is never requested; `sparse` is a mirror
    that omits platforms."""
    platforms: tuple[PlatformName, ...] = ()
    """Platforms of a sparse mirror."""
    parts: tuple[PartSettings, ...] = ()
    """Repositories with another role, if one host has both; the first part that matches decides."""
    require: tuple[PlatformName, ...] = ()
    """Platforms that must run every tag, besides those that its users need. Without users and
    without these: all that each tag has."""
    collector: CollectorName = None
    """Garbage collector: `distribution-2`, `distribution-3`, `parent-protects` (zot, Gitea, Harbor,
    Quay, GitLab with its database), `none`; `null` is detected if possible."""
    plain_http: bool = False
    """Allow http without TLS."""
    insecure_skip_verify: bool = False
    """Do not verify certificates: anyone in between can read the credentials and forge answers.
    For tests; `ca_file` trusts a private authority."""
    ca_file: FilePath | None = None
    """PEM file; trusted in addition to the system's authorities."""
    certificate_file: FilePath | None = None
    """PEM file of a client certificate."""
    key_file: FilePath | None = None
    """PEM file of its key, if not in `certificate_file`."""
    username: str | None = Field(default=None, min_length=1)
    """User name for Basic or for the token server."""
    username_file: FilePath | None = None
    """File that holds the user name."""
    username_env: Variable | None = None
    """Environment variable that holds the user name."""
    password_file: FilePath | None = None
    """File that holds the password."""
    password_env: Variable | None = None
    """Environment variable that holds the password."""
    identity_token_file: FilePath | None = None
    """File that holds an identity token (an OAuth2 refresh token)."""
    identity_token_env: Variable | None = None
    """Environment variable that holds an identity token."""
    docker_config: FilePath | None = None
    """A docker `config.json`; the credential helpers that it names are used too. `null` without
    other credentials uses those of docker and podman."""
    pulls: PullsName = Pulls.ASK
    """Harbor, Artifactory, Nexus and ECR set a pull time when a manifest is read, and can clean up
    by it. `ask` reads nothing of such a registry; `accept` reads each manifest once; `uncounted`
    says that the registry does not count the pulls of this account (`docs/registries`)."""
    concurrency: int = Field(default=16, ge=1, le=256)
    """Maximum parallel requests, for all shards together; each sends zot at most 4."""
    requests_per_second: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Maximum requests per second, for all shards together; `null` is no limit."""
    timeout: Timeout = timedelta(seconds=30)
    """Timeout of one response, and of a body that stands still; a large one may take longer. A
    page of a list has 5m, since it may take minutes on object
    stores."""
    tries: int = Field(default=3, ge=1, le=10)
    """Number of attempts before a request fails."""
    repositories: RepositoriesSettings = RepositoriesSettings()
    tags: TagsSettings = TagsSettings()
    manifest_entries: int = Field(default=500_000, ge=1)
    """Maximum number of entries (layers, configurations, platforms) of all manifests; further
    manifests are reported as unknown."""
    storage: StorageSettings | None = None
    """The registry's own storage, if readable: for unreferenced data and predicted garbage
    collections."""
    scrub: ScrubSettings | None = None
    """Full verification of its content over time; `null` is never."""
    verify: VerifySettings = VerifySettings()
    """How often content is requested, and read in full."""
    referrers: ReferrersSettings | None = None
    """Attachments of images (OCI referrers, fallback tags, tags of cosign); `null` looks at them
    in `inspect` only."""
    interval: Interval | None = None
    """Time between two audits of it; `null` is the common `interval`."""
    events: EventsSettings | None = None
    """Events of the registry, so that a push or deletion is audited at once; `null` takes none."""

    @property
    def label(self) -> str:
        """Its name in metrics and reports."""
        return self.name or authority(self.url)

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts under which references may name it, as `oci.reference` reads them."""
        own = spellings(authority(self.url), secure=not self.plain_http)
        return own | frozenset(self.aliases)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._consistent_transport()
        self._consistent_credentials()
        named = any((self.username, self.username_file, self.username_env))
        self.repositories.check(self.url, named=named, plain_http=self.plain_http)
        if self.scrub and self.scrub.read_from is Source.STORAGE and self.storage is None:
            raise invalid("scrub", "read_from", "storage needs the registry's storage")
        if self.scrub and self.role is Role.PROXY:
            raise invalid("scrub", "is not for role: proxy: reading makes it fetch")
        if self.events and self.role is Role.PROXY:
            raise invalid("events", "is not for role: proxy: nothing is requested of it")
        if self.parts and self.role is Role.PROXY:
            raise invalid("parts", "not with role: proxy: name the proxied repositories here")
        check_platforms(self.platforms, self.role)
        return self

    def _consistent_transport(self) -> None:
        plain = self.url.startswith("http:")
        if plain and not self.plain_http:
            raise invalid("url", "http without TLS needs plain_http: true")
        if self.plain_http and not plain:
            raise invalid("plain_http", "needs an address that begins with http://")
        if plain and self.insecure_skip_verify:
            raise invalid("insecure_skip_verify", "has no effect over plain http")
        if self.insecure_skip_verify and self.ca_file:
            raise invalid("ca_file", "has no effect where certificates are not verified")
        for key in ("ca_file", "certificate_file", "key_file"):
            if plain and getattr(self, key):
                raise invalid(key, "has no effect over plain http")
        if self.key_file and not self.certificate_file:
            raise invalid("key_file", "needs certificate_file")

    def _consistent_credentials(self) -> None:
        named = self._one_of("username", "username_file", "username_env")
        secret = self._one_of(
            "password_file",
            "password_env",
            "identity_token_file",
            "identity_token_env",
            "docker_config",
        )
        if secret and secret.startswith("password") and not named:
            raise invalid(secret, "needs username, username_file or username_env")
        if named and secret in (None, "docker_config") and not self.repositories.names_user:
            raise invalid(named, "needs password_file or password_env")
        if self.username and not self.username.isprintable():
            raise invalid("username", "contains a line break or another unprintable character")

    def _one_of(self, *keys: str) -> str | None:
        """Which of these keys is set? More than one is an error."""
        given = [key for key in keys if getattr(self, key) is not None]
        if len(given) > 1:
            raise invalid(given[1], f"not together with {given[0]}: one of them")
        return given[0] if given else None
