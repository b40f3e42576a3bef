"""What a real zot shows: run where PULLPROOF_ZOT names one."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Final

import bcrypt
import pytest

from exporter import cli
from exporter.judge.gc.dialect import Mode
from tests.judge.gc import zot_cases
from tests.parts.client import Client
from tests.parts.product import check, run
from tests.parts.recorded import RECORDING
from tests.parts.zot import PROGRAM, Zot, zot
from tests.worlds import image, two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not PROGRAM, reason="PULLPROOF_ZOT names no zot"),
]

WHOLE, LOSSY = two_platforms("whole"), two_platforms("lossy")
_AT_ONCE: Final = 12
_SEEDS: Final = (*range(10), *range(11, 60))
"""In the tenth a run leaves to the next what it made unreferenced itself."""
_BY_PULLS: Final = {
    "retention": {
        "policies": [
            {"repositories": ["**"], "keepTags": [{"patterns": [".*"], "pulledWithin": "24h"}]}
        ]
    }
}
"""With this it has a database, and keeps tags by the time of their last pull."""


@pytest.fixture
def counting(tmp_path: Path) -> Iterator[Zot]:
    with zot(tmp_path / "zot", storage=_BY_PULLS) as server:
        server.push("trace/app", WHOLE, "v1")
        server.push("trace/lossy", LOSSY, "v1")
        yield server


def records(server: Zot) -> dict[str, object]:
    """Every file that it keeps: its bytes, and where they are."""
    return {
        str(each.relative_to(server.root)): (
            hashlib.sha256(each.read_bytes()).hexdigest(),
            each.stat().st_ino,
            each.stat().st_mtime_ns,
        )
        for each in server.root.rglob("*")
        if each.is_file()
    }


def test_ten_audits_a_scrub_and_a_confirmed_loss_change_no_record(
    counting: Zot, tmp_path: Path
) -> None:
    own = {"url": counting.url, "plain_http": True, "tags": {"select": ["*"]}}
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"confirm_after": "1ms", "registries": [own]}))
    words = ("--config", str(config))
    image = f"{counting.host}/trace/app:v1"
    healthy = records(counting)
    assert cli.main(["check", *words]) == 0
    assert records(counting) == healthy
    counting.data("trace/lossy", LOSSY.children[0].digest).unlink()
    counting.data("trace/lossy", LOSSY.children[1].layers[0].digest).unlink()
    before = records(counting)

    codes = [cli.main(["check", *words]) for _ in range(10)]
    codes.append(cli.main(["scrub", counting.host, *words]))
    others = [cli.main([each, image, *words]) for each in ("inspect", "explain", "protect")]

    assert (codes, others) == ([1] * 11, [0] * 3)
    after = records(counting)
    # Of the file that is lost the cache of its deduplication drops the record.
    assert {**after, "cache.db": None} == {**before, "cache.db": None}
    with counting.client("trace/app") as client:
        client.get("manifests", "v1").raise_for_status()
    assert records(counting)["meta.db"] != after["meta.db"], (
        "a pull sets the time by which it keeps tags"
    )


def test_its_collector_does_to_grown_repositories_what_is_recorded(tmp_path: Path) -> None:
    """With UPDATE_RECORDINGS it records them anew."""
    modes = {Mode.DELETE_UNTAGGED: None, Mode.PLAIN: False}
    now = (tmp_path.stat()).st_mtime
    parts: dict[str, object] = {}
    homes: dict[tuple[int, Mode], Path] = {}
    trees = {seed: zot_cases.tree(seed) for seed in _SEEDS}
    for seed, grown in trees.items():
        for mode, untagged in modes.items():
            route = f"{mode}-{seed}"
            root = tmp_path / "stores" / route
            zot_cases.plant(root / route, grown, now)
            homes[seed, mode] = root / route / zot_cases.REPOSITORY
            policy = {"repositories": ["**"], "deleteUntagged": untagged is None}
            parts[f"/{route}"] = {
                "rootDirectory": str(root),
                "dedupe": False,
                "gc": True,
                "gcDelay": f"{zot_cases.DELAY}s",
                "gcInterval": "1s",
                "retention": {"delay": f"{zot_cases.DELAY}s", "policies": [policy]},
            }
    # Its scheduler comes to each of a hundred stores so rarely that it is given a few at a time.
    for begin in range(0, len(parts), _AT_ONCE):
        some = dict(list(parts.items())[begin : begin + _AT_ONCE])
        with zot(tmp_path / f"zot-{begin}", storage={"subPaths": some}) as running:
            running.ran(list(homes.values())[begin : begin + _AT_ONCE])
    cases = [
        zot_cases.Case(seed, grown, {mode: zot_cases.left(homes[seed, mode]) for mode in modes})
        for seed, grown in trees.items()
    ]
    if RECORDING:
        zot_cases.write(cases)
    assert cases == zot_cases.read()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Zot]:
    with zot(tmp_path / "zot") as running:
        yield running


def fill(server: Zot, repository: str, *, by_tag: bool, by_digest: bool) -> None:
    """Push an index as `docker manifest create` does, as BuildKit does, or both ways."""
    with server.client(repository) as client:
        for child, tag in zip(WHOLE.children, ("v1-amd64", "v1-arm64"), strict=True):
            for blob in child.blobs:
                client.push_blob(blob)
            if by_tag:
                client.put(child, tag).raise_for_status()
            if by_digest:
                client.put(child).raise_for_status()
        client.put(WHOLE, "v1").raise_for_status()


def planned(server: Zot, repository: str) -> set[str]:
    """The manifests for which `protect` wants a tag."""
    words = ("--plain-http", "--confirm-after", "0s", "--output", "json")
    told = run("protect", f"{server.host}/{repository}:v1", *words)
    (entry,) = json.loads(told.output)["registries"]
    return {each["digest"] for each in entry["wanted"]}


def gone(server: Zot, repository: str) -> set[str]:
    with server.client(repository) as client:
        asked = {str(each.digest): client.head("manifests", each.digest) for each in WHOLE.children}
    return {digest for digest, answer in asked.items() if not answer.is_success}


def test_its_tags_are_those_without_which_a_push_breaks_the_image(server: Zot) -> None:
    ways = {
        "tag": (True, False),
        "kept": (True, False),
        "digest": (False, True),
        "both": (True, True),
    }
    for name, (by_tag, by_digest) in ways.items():
        fill(server, f"risk/{name}", by_tag=by_tag, by_digest=by_digest)
    children = {str(each.digest) for each in WHOLE.children}
    wanted = {name: planned(server, f"risk/{name}") for name in ways}
    assert wanted == {"tag": children, "kept": children, "digest": set(), "both": children}
    applied = run("protect", f"{server.host}/risk/kept:v1", "--plain-http", "--apply")
    assert applied.code == 0, applied.errors
    assert planned(server, "risk/kept") == set()

    for name in ways:
        for architecture in ("amd64", "arm64"):
            new = image(f"another {architecture}", f"linux/{architecture}")
            server.push(f"risk/{name}", new, f"v1-{architecture}")

    assert {name: gone(server, f"risk/{name}") for name in ways} == {
        "tag": children,
        "kept": set(),
        "digest": set(),
        "both": children,
    }


def test_a_repository_whose_index_is_cut_is_a_gap(server: Zot, tmp_path: Path) -> None:
    server.push("shop/cart", WHOLE, "v1")
    server.push("shop/well", WHOLE, "v1")
    saved = run("snapshot", str(tmp_path / "s"), server.host, "--plain-http")
    assert saved.code == 0, saved.errors
    index = server.root / "shop/cart/index.json"
    index.write_bytes(index.read_bytes()[:100])

    told = check(server.host, "--plain-http")

    assert told.code == 3
    assert told.said.state("shop/well:v1") == "present"
    assert run("inspect", f"{server.host}/shop/cart:v1", "--plain-http").code == 3
    again = run("snapshot", str(tmp_path / "t"), server.host, "--plain-http")
    assert again.code == 3
    compared = run("diff", str(tmp_path / "s"), str(tmp_path / "t"))
    assert "intended" not in compared.output
    assert run("preflight", "--storage", str(server.root), "--gc", "zot").code == 3


def test_a_blob_that_a_read_restores_is_a_finding(server: Zot) -> None:
    server.push("dedupe/a", WHOLE, "v1")
    server.push("dedupe/b", WHOLE, "v1")
    server.data("dedupe/a", WHOLE.children[0].layers[0].digest).unlink()

    told = check(f"{server.host}/dedupe/a:v1", "--plain-http")

    assert told.said.state("dedupe/a:v1") == "present"
    assert told.said.found("recovered-on-read")


def test_credentials_show_what_anonymous_clients_do_not_see(tmp_path: Path) -> None:
    users = tmp_path / "htpasswd"
    users.write_bytes(b"reader:" + bcrypt.hashpw(b"secret", bcrypt.gensalt(rounds=4)))
    everything = ["read", "create", "update", "delete"]
    policies = {
        "pub/**": {"anonymousPolicy": everything},
        "priv/**": {"policies": [{"users": ["reader"], "actions": everything}]},
    }
    http = {
        "auth": {"htpasswd": {"path": str(users)}},
        "accessControl": {"repositories": policies},
    }
    with zot(tmp_path / "zot", http=http) as server:
        server.push("pub/app", WHOLE, "v1")
        login = f"Basic {base64.b64encode(b'reader:secret').decode()}"
        with Client.to(server.url, "priv/app", None, login) as client:
            client.push(LOSSY, "v1")
        words = (server.host, "--plain-http", "--username", "reader", "--password-stdin")
        right, wrong = check(*words, typed="secret"), check(*words, typed="wrong")

    seen = {f"{each['repository']}:{each['tag']}" for each in right.said.document["tags"]}
    assert seen == {"priv/app:v1"}
    assert (right.code, wrong.code) == (3, 3)
    gaps = json.dumps(right.said.document["gaps"])
    assert "pub/app" in gaps, "zot shows it to everybody but those who log in"
