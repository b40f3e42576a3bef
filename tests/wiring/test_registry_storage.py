"""Does the configuration lead to the storage that it names?"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from exporter.config.storage import StorageSettings
from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.store.ledger import Ledger
from exporter.wiring.assembly import grace, storage
from exporter.wiring.registry_storage import RegistryStorage
from tests import worlds
from tests.parts import tree

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_is_read_where_it_is(tmp_path: Path) -> None:
    tree.write(tmp_path, "team/app", worlds.image("app"), "v1")
    settings = StorageSettings(path=tmp_path)

    with Ledger(None, lambda: 0.0) as ledger:
        inventory = storage(settings, ledger).read()

    assert inventory.repositories == ("team/app",)
    assert not inventory.blind


def test_a_folder_that_is_not_there_is_unseen_and_not_empty(tmp_path: Path) -> None:
    with pytest.raises(Unseen) as caught:
        RegistryStorage(str(tmp_path / "none")).read()

    assert caught.value.reason is Reason.UNREADABLE


def test_a_bucket_keeps_its_endpoint_and_leaves_out_what_was_not_said() -> None:
    settings = StorageSettings(url="s3://images/root", endpoint="http://127.0.0.1:9000")

    with Ledger(None, lambda: 0.0) as ledger:
        found = storage(settings, ledger)

    assert isinstance(found, RegistryStorage)
    assert found.location == "s3://images/root"
    assert found.options == {"endpoint": "http://127.0.0.1:9000"}
    assert found.plain_http


def test_grace_is_handed_on_in_seconds(tmp_path: Path) -> None:
    settings = StorageSettings(path=tmp_path)

    found = grace(settings)

    assert (found.blobs, found.uploads) == (86_400.0, 604_800.0)


def test_a_reading_that_does_not_end_is_not_joined_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, over = threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        begun.set()
        over.wait()
        raise Unseen("disk", Reason.UNREADABLE)

    def read() -> None:
        with suppress(Unseen):
            stored.read()

    monkeypatch.setattr("exporter.sources.storage.filesystem.read", hang)
    stored = RegistryStorage(str(tmp_path))
    first = threading.Thread(target=read)
    first.start()
    begun.wait()
    with pytest.raises(Unseen, match="has not ended") as caught:
        stored.read()
    over.set()
    first.join()

    assert caught.value.reason is Reason.TIMEOUT
    with pytest.raises(Unseen, match="disk"):
        stored.read()
