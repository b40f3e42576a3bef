"""Real registries that send their events: what is pushed or deleted is audited at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.parts.ports import held
from tests.parts.process import until
from tests.parts.product import Json, exporter
from tests.parts.registry import Settings, registry
from tests.worlds import image, two_platforms

if TYPE_CHECKING:
    from pathlib import Path

    from tests.parts.gitea import Gitea
    from tests.parts.product import Exporter

pytestmark = pytest.mark.real

TOKEN = "a-token-of-the-tests"
SOUND, NEXT = two_platforms("sound"), two_platforms("next")
SELDOM: Json = {"interval": "15m"}
"""Whatever is seen after the first audit came by events."""


def watching(folder: Path, address: str, entry: Json) -> Json:
    token = folder / "events-token"
    token.write_text(f"{TOKEN}\n")
    common = {"plain_http": True, "tags": {"select": ["*"]}, "events": {"token_file": str(token)}}
    return {"listen": [address], **SELDOM, "registries": [{"name": "main", **common, **entry}]}


def broken(running: Exporter) -> float:
    return running.value("pullproof_tags", state="broken") + running.value(
        "pullproof_tags", state="missing"
    )


@pytest.mark.parametrize("version", [2, 3])
def test_a_push_and_a_deletion_are_seen_without_waiting_for_the_interval(
    version: int, tmp_path: Path
) -> None:
    with held() as address:
        told = Settings(version, notify=(f"http://{address}/-/events/main", TOKEN))
        with registry(tmp_path / "registry", told) as server:
            server.push("shop/app", SOUND, "v1")
            settings = watching(tmp_path, address, {"url": server.url})
            with exporter(tmp_path / "exporter", settings) as running:
                running.ready()
                assert running.value("pullproof_tags", state="present") == 1

                server.push("shop/app", NEXT, "v2")
                two = lambda: running.value("pullproof_tags", state="present") == 2  # noqa: E731
                until(two, "the pushed tag is proven")
                with server.client("shop/app") as client:
                    client.delete(NEXT.children[0].digest)
                until(lambda: broken(running) == 1, "the deleted child is missed")

                said = running.report()
                assert said.state("shop/app:v1") == "present"
                assert said.state("shop/app:v2") == "broken"
                counted = running.value("pullproof_events_received_total", outcome="refused")
                assert counted == 0
                # The time is told after the verdict.
                told = "pullproof_event_to_verdict_seconds_count"
                until(lambda: running.value(told) >= 2, "both times are told")


def test_a_webhook_of_gitea_is_signed_and_causes_an_audit(
    gitea_server: Gitea, tmp_path: Path
) -> None:
    with held() as address, gitea_server.owner("events"):
        gitea_server.push("events/app", image("one"), "v1")
        gitea_server.notify("events", f"http://{address}/-/events/main", TOKEN)
        only = {"catalog": False, "listed": ["events/app"]}  # other tests share the server
        entry = {"url": gitea_server.url, "repositories": only}
        with exporter(tmp_path / "exporter", watching(tmp_path, address, entry)) as running:
            running.ready()
            gitea_server.push("events/app", image("two"), "v2")
            until(
                lambda: running.value("pullproof_tags", state="present") == 2, "the push is proven"
            )
            assert running.value("pullproof_events_received_total", outcome="refused") == 0
