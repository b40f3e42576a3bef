"""What a configuration names beside itself, tried without asking a registry, cluster or store."""

import importlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from exporter.commands.options import check_trust
from exporter.config.registry import RegistrySettings
from exporter.config.settings import Settings
from exporter.config.storage import FactsSettings
from exporter.config.values import authority
from exporter.oci.digest import Malformed
from exporter.ports import Unseen
from exporter.publish.web.config import WebConfig, server_context
from exporter.sources.registry.docker_config import DockerConfig
from exporter.store.ledger_file import check_place
from exporter.wiring.parquet_export import ParquetExport, imported
from exporter.wiring.references import files
from exporter.wiring.registry_storage import library


class ConfigCheck:
    """Faults, with which the process would not start or never read a cluster; and warnings.

    A warning is about what may come later, as a volume does: until then it is a gap.
    """

    def __init__(
        self, settings: Settings, web: WebConfig | None, environ: Mapping[str, str]
    ) -> None:
        """Try everything that the settings name, but for what `load` tries itself."""
        self.faults: list[str] = []
        self.warnings: list[str] = []
        with self._noting(self.faults):
            ignored = check_trust(settings, environ)
            self.warnings += [ignored] if ignored else []
        with self._noting(self.faults):
            _ledger(settings.ledger)
        with self._noting(self.faults):
            server_context(web.tls) if web and web.tls else None
        with self._noting(self.faults):
            _facts(settings.facts) if settings.facts else None
        for index, registry in enumerate(settings.registries):
            with self._noting(self.faults, f"registries[{index}].docker_config: "):
                _logins(registry)
            with self._noting(self.faults):
                _bucket(registry)
            with self._noting(self.warnings, f"{registry.label}: "):
                _folder(registry)
        for index, cluster in enumerate(settings.clusters):
            kept = self.warnings if cluster.in_cluster else self.faults
            with self._noting(kept, f"clusters[{index}]: "):
                importlib.import_module("exporter.wiring.clusters").check(cluster, environ)
        for source in files(settings.references, settings.names):
            with self._noting(self.warnings):
                gaps = source.uses().gaps
                self.warnings += [f"{each.subject}: {each.detail}" for each in gaps[:1]]

    @contextmanager
    def _noting(self, kept: list[str], where: str = "") -> Iterator[None]:
        try:
            yield
        except Malformed as error:
            kept.append(f"{where}{error}")
        except Unseen as unseen:
            kept.append(f"{where}{unseen.subject}: {unseen.detail or unseen.reason}")


def _ledger(path: Path | None) -> None:
    check_place(path)
    # SQLite keeps files beside it.
    if path is not None and not os.access(path.resolve().parent, os.W_OK):
        raise Malformed(f"{path}: the ledger's folder is not writable by this user")


def _facts(facts: FactsSettings) -> None:
    imported("exporter.publish.exports.export")
    imported("exporter.sources.export_folder")
    if facts.path is None:
        ParquetExport.of(facts)
        return
    folder = facts.path.absolute()
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        words = "not writable by this user" if there.is_dir() else "not a folder"
        raise Malformed(f"facts.path: {there}: {words}")


def _logins(registry: RegistrySettings) -> None:
    if registry.docker_config:
        logins = DockerConfig((registry.docker_config,), required=True)
        logins.check(authority(registry.url))


def _bucket(registry: RegistrySettings) -> None:
    """Raise `Unseen` where an object store cannot be asked as its settings say."""
    storage = registry.storage
    if storage and storage.url:
        place = storage.location, storage.options
        library(storage.url).Bucket.at(*place, plain_http=storage.plain_http)


def _folder(registry: RegistrySettings) -> None:
    folder = registry.storage.path if registry.storage else None
    if folder and not (folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)):
        words = "not readable by this user" if folder.is_dir() else "no such folder"
        raise Malformed(f"storage.path: {folder}: {words}")
