"""All settings, and the checks between registries and references."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final, Self

from pydantic import Field, model_validator

from exporter.config.cluster import ClusterSettings
from exporter.config.registry import RegistrySettings
from exporter.config.storage import FactsSettings
from exporter.config.values import (
    ClassName,
    Duration,
    FilePath,
    HostPort,
    Images,
    Interval,
    LevelName,
    ListenAddress,
    LogLevel,
    PageAddress,
    PathPrefix,
    PlatformName,
    Section,
    ShardName,
    ShardText,
    authority,
    invalid,
)
from exporter.facts.use import ReferenceClass

DEFAULT_PORT: Final = 10470
"""Outside the range 9100 to 9999, which other exporters' defaults fill."""
_MISSED: Final = 3
"""Audits that may be missed before results, or what a source named last, are stale."""


class MetricsSettings(Section):
    """How many series are published."""

    tags: int = Field(default=10_000, ge=0)
    """Maximum number of tags with series of their own; the worst are kept."""
    problems: int = Field(default=500, ge=0)
    """Maximum number of problems per registry that have a series with their digest."""


class ReferencesSettings(Section):
    """Images that are wanted: a file that lists them, or patterns that mark tags."""

    file: FilePath | None = None
    """File with one reference per line (`#` begins a comment); `.yaml`, `.yml`, `.json`: a list."""
    images: tuple[Images, ...] = ()
    """Patterns `registry/repository:tag`; matching tags have the class."""
    reference_class: ClassName = Field(default=ReferenceClass.LIVE, alias="class")
    """`live`, `idle`, `rollback`, `latest` or `selected`."""
    platforms: tuple[PlatformName, ...] = ()
    """Required platforms; empty is all that each image has."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if bool(self.file) is bool(self.images):
            raise invalid("file", "either file or images is needed, and not both")
        return self


class Settings(Section):
    """Everything that can be set."""

    listen: tuple[ListenAddress, ...] = (HostPort("", DEFAULT_PORT),)
    """Addresses of the web server: `host:port`, `:port`, `[::1]:port`."""
    web_config_file: FilePath | None = None
    """TLS and users of the web server, in the format that Prometheus' own exporters read."""
    route_prefix: PathPrefix | None = None
    """Prefix of every path (`/registry-audit`), for a reverse proxy that does not strip it."""
    external_url: PageAddress | None = None
    """Public address of this web server (`https://pullproof.example.com`): alerts and
    dashboards link to its pages and documentation there; `null` for no links."""
    ledger: FilePath | None = None
    """SQLite file that lets a restart serve the last results at once; `null` keeps them in
    memory."""
    interval: Interval = timedelta(minutes=15)
    """Time between the starts of two audits."""
    max_staleness: Interval = timedelta(hours=24)
    """How long the last results are served, while an audit fails or is still running; at least
    three intervals."""
    audit_deadline: Interval = timedelta(hours=2)
    """Maximum duration of an audit. Everything unanswered by then is a gap, and the registry counts
    as not audited."""
    confirm_after: Duration = timedelta(seconds=5)
    """Delay before a loss is confirmed by a second request."""
    shard: ShardText = ShardName(0, 1)
    """Shard that this process audits: `2/4` is the third of four, `auto/4` takes the number from
    the end of the pod's name. `--shard` and `PULLPROOF_SHARD` take precedence."""
    log_level: LevelName = LogLevel.INFO
    """`debug`, `info`, `warning` or `error`."""
    metrics: MetricsSettings = MetricsSettings()
    facts: FactsSettings | None = None
    """Where every complete audit is exported as Parquet."""
    registries: tuple[RegistrySettings, ...]
    references: tuple[ReferencesSettings, ...] = ()
    clusters: tuple[ClusterSettings, ...] = ()

    @property
    def names(self) -> dict[str, str]:
        """The host of each registry by its name."""
        return {each.label: authority(each.url) for each in self.registries}

    def oldest(self, interval: timedelta | None) -> timedelta:
        """Return the age after which results of an interval (None: the usual one) are stale.

        It is `max_staleness`, unless fewer than three audits would fit: else results would be
        dropped between two audits of a registry that is well.
        """
        return max(self.max_staleness, _MISSED * (interval or self.interval))

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        if self.confirm_after >= self.audit_deadline:
            raise invalid("confirm_after", "no loss is confirmed before audit_deadline")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for key in ("registries", "listen"):
            if not getattr(self, key):
                raise invalid(key, "at least one is needed")
        ports = [frozenset({str(each)} if each.port else ()) for each in self.listen]
        for index, twice in _repeated(ports):
            raise invalid("listen", index, f"{twice} is listed already")
        labels = [frozenset({registry.label}) for registry in self.registries]
        hosts = [registry.hosts for registry in self.registries]
        for key, names in (("name", labels), ("aliases", hosts)):
            for index, twice in _repeated(names):
                raise invalid("registries", index, key, f"{twice} already names another registry")
        for index, twice in _repeated([frozenset({each.label}) for each in self.clusters]):
            raise invalid("clusters", index, "name", f"{twice} already names another cluster")
        # A source is told from others by its name: of two readings of a file, one would be lost.
        files = [frozenset({str(each.file)} if each.file else ()) for each in self.references]
        for index, twice in _repeated(files):
            raise invalid("references", index, "file", f"{twice} is another entry's already")
        for index, wanted in enumerate(self.references):
            strangers = {each.registry for each in wanted.images}.difference(*hosts)
            if strangers:
                raise invalid("references", index, "images", f"no registry is {min(strangers)}")
        return self


def _repeated(names: Sequence[frozenset[str]]) -> Iterator[tuple[int, str]]:
    """Return the later ones of equal names."""
    taken: set[str] = set()
    for index, each in enumerate(names):
        if twice := taken & each:
            yield index, min(twice)
        taken |= each
