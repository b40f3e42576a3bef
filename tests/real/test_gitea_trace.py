"""Does an audit of a real Gitea change what its database records of downloads?"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from exporter import cli
from tests.parts.gitea import ADMIN, Gitea
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

pytestmark = pytest.mark.real

WHOLE, LOSSY = two_platforms("whole"), two_platforms("lossy")


def downloads(server: Gitea) -> dict[str, int]:
    """How often each version was downloaded, by its database."""
    with closing(sqlite3.connect(f"file:{server.folder}/gitea.db?mode=ro", uri=True)) as database:
        rows = database.execute(
            "select lower_version, download_count from package_version "
            "where lower_version <> '_upload'"  # holds what is being pushed, and is no version
        )
        return dict(rows.fetchall())


def own_downloads(server: Gitea, others: Collection[str]) -> dict[str, int]:
    """The same without what other tests left there."""
    return {each: count for each, count in downloads(server).items() if each not in others}


def test_ten_audits_a_scrub_and_a_confirmed_loss_count_no_download_after_the_first_read(
    gitea_server: Gitea, tmp_path: Path
) -> None:
    (tmp_path / "ledger").touch()
    (tmp_path / "token").write_text(gitea_server.token)
    own = {
        "url": gitea_server.url,
        "plain_http": True,
        "username": ADMIN,
        "password_file": str(tmp_path / "token"),
        "repositories": {"catalog": False, "listed": ["trace/app"]},
        "tags": {"select": ["*"]},
    }
    document = {"ledger": str(tmp_path / "ledger"), "confirm_after": "1ms", "registries": [own]}
    config = tmp_path / "config.json"
    config.write_text(json.dumps(document))
    words = ("--config", str(config))

    with gitea_server.owner("trace"):
        others = downloads(gitea_server).keys()
        gitea_server.push("trace/app", WHOLE, "v1")
        gitea_server.push("trace/app", LOSSY, "v2")
        assert cli.main(["check", *words]) == 0
        first = own_downloads(gitea_server, others)
        assert set(first.values()) == {0, 1}, "a manifest is read once, a tag by HEAD alone"
        gitea_server.data(LOSSY.children[0].digest).unlink()
        gitea_server.data(LOSSY.children[1].layers[0].digest).unlink()
        codes = [cli.main(["check", *words]) for _ in range(10)]
        codes.append(cli.main(["scrub", gitea_server.host, *words]))
        last = own_downloads(gitea_server, others)

    assert codes == [1] * 11
    assert last == first
