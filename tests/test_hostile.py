"""Whatever a registry answers costs that registry: bounded memory, and nobody waits for it."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from tests.parts.hostile import attacking, suffer
from tests.parts.process import PATIENCE, until
from tests.parts.product import Exporter, exporter

if TYPE_CHECKING:
    from collections.abc import Iterator

MEGABYTE: Final = 2**20
AUDITS: Final = 6
"""Audits of the healthy neighbour that an attack has to be borne for: one a second."""
SOON: Final = 9.0
"""Seconds in which it ends on a busy machine; without a load at most 5. It once took 10."""
QUICK: Final = ("--plain-http", "--confirm-after", "0s")

BOMBS: Final = {
    "a name of 200 kB with a dash at every second": ("one_long_name", 200_000),
    "pages without end of strings without end": ("long_strings_for_ever",),
    "a string of 31 MB in each tag list": ("one_long_string_each", 32),
    "a Link header of brackets": ("brackets", 40),
    "six million entries that are no tags": ("bad_tags", 60, 99_000),
    "names that are mostly dashes": ("names_of_cuts", 100, 2),
    "indexes of 22,000 children": ("wide_indexes", 30, 22_000),
    "manifests of 4 MB": ("heavy_manifests", 80),
    "manifests of a million empty values": ("json_bomb", 8),
    "configurations of a million empty lists": ("config_bomb", 8),
    "old manifests of a million empty lists": ("schema1_bomb", 8),
    "manifests without end": ("endless_body",),
    "errors without end": ("endless_errors",),
    "a thousand indexes in each other": ("deep_indexes", 1_000),
    "tokens without end": ("endless_token",),
    "a token that expired 4,000 digits ago": ("token_that_has_expired", 4_000),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_no_answer_takes_more_than_300_mb_or_ends_in_a_traceback(
    bomb: tuple[str, *tuple[int, ...]], tmp_path: Path
) -> None:
    with attacking(tmp_path, *bomb) as host:
        suffered = suffer("check", host, *QUICK)

    assert suffered.code in (0, 1, 3), suffered.errors
    assert suffered.peak < 300 * MEGABYTE
    assert "Traceback" not in suffered.errors
    assert "internal" not in suffered.output + suffered.errors


def test_a_list_is_cut_at_its_limit_also_where_it_comes_as_one_page(tmp_path: Path) -> None:
    with attacking(tmp_path, "many_tags", 3_400_000) as host:
        config = tmp_path / "pullproof.yml"
        config.write_text(
            f"registries: [{{url: 'http://{host}', plain_http: true,"
            " tags: {select: ['*'], limit: 10}}]\n"
        )
        suffered = suffer("check", "--config", str(config))

    assert suffered.peak < 300 * MEGABYTE
    assert "Checked 10 tags" in suffered.output
    assert "more than 10 entries" in suffered.output


def test_many_tags_of_one_manifest_cost_no_more_than_others(tmp_path: Path) -> None:
    with attacking(tmp_path, "many_tags", 4_000) as host:
        suffered = suffer("check", host, *QUICK, "--output", "json")

    assert suffered.peak < 300 * MEGABYTE
    assert len(suffered.output) < 10_000_000


class Pulse:
    """Somebody who asks `/-/healthy` again and again, and how long it took at worst.

    A busy machine lets everybody wait: what counts is for how long the exporter itself computed
    before it answered, or a tenth of the whole time, where it waits for others.
    """

    def __init__(self, watched: Exporter) -> None:
        self.worst = 0.0
        self._watched, self._over = watched, threading.Event()
        self._thread = threading.Thread(target=self._feel, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _feel(self) -> None:
        with httpx.Client(trust_env=False, timeout=PATIENCE) as client:
            while not self._over.wait(0.05):
                began, used = time.monotonic(), computed(self._watched)
                client.get(f"{self._watched.url}/-/healthy").raise_for_status()
                waited = (time.monotonic() - began) / 10
                self.worst = max(self.worst, waited, computed(self._watched) - used)


@contextmanager
def felt(watched: Exporter) -> Iterator[Pulse]:
    pulse = Pulse(watched)
    try:
        yield pulse
    finally:
        pulse.stop()


ATTACKS: Final = {
    "six million entries that are no tags": ("bad_tags", 60, 99_000),
    "strings without end": ("long_strings_for_ever",),
    "thousands of broken tags": ("many_broken", 3_000),
    "brackets in 300 Link headers": ("brackets", 300),
    "promises without end": ("informational",),
    "chunks of one byte": ("tiny_chunks",),
    "silence": ("silence",),
    "a byte now and then": ("crumbs",),
    "to be left alone": ("leave_me_alone",),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_one_hostile_registry_holds_up_nobody_else(
    attack: tuple[str, *tuple[int, ...]], tmp_path: Path
) -> None:
    with attacking(tmp_path, *attack) as hostile, attacking(tmp_path, "healthy", 3) as healthy:
        both = [named("hostile", hostile), named("healthy", healthy)]
        with (
            exporter(tmp_path / "idle", {"registries": both[1:]}) as idle,
            exporter(tmp_path / "victim", {"registries": both}) as victim,
            felt(idle) as usual,
            felt(victim) as pulse,
        ):
            until(lambda: audits(victim) >= AUDITS, "the healthy registry is audited")
            others = audits(idle)
            peak, stopped = held(victim), ended(victim, pulse)

    assert others < 5 * AUDITS
    assert pulse.worst < max(1.0, 5 * usual.worst)
    assert peak < 400 * MEGABYTE
    assert stopped < SOON


def named(name: str, host: str) -> dict[str, object]:
    """A registry of which every tag is audited."""
    return {"name": name, "url": f"http://{host}", "plain_http": True, "tags": {"select": ["*"]}}


def audits(watched: Exporter) -> float:
    """Audits of the healthy registry that saw all of it."""
    seen = watched.value("pullproof_registry_up", registry="healthy")
    return watched.value("pullproof_audits_total", registry="healthy") if seen else 0.0


def held(watched: Exporter) -> int:
    """Bytes of memory that it held at its worst."""
    status = Path(f"/proc/{watched.server.process.pid}/status").read_text()
    (line,) = (each for each in status.splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def computed(watched: Exporter) -> float:
    """Seconds of a processor that it took so far."""
    fields = Path(f"/proc/{watched.server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def ended(watched: Exporter, pulse: Pulse) -> float:
    """Seconds from SIGTERM to the end, which is a good one."""
    pulse.stop()
    began = time.monotonic()
    os.kill(watched.server.process.pid, signal.SIGTERM)
    assert watched.server.process.wait(PATIENCE) == 0
    return time.monotonic() - began


def test_told_to_stop_within_a_list_of_a_cluster_it_ends(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    with (
        attacking(tmp_path, "healthy", 3) as host,
        socket.create_server(("127.0.0.1", 0)) as mute,
    ):
        entry = {"name": "a", "cluster": {"server": f"https://127.0.0.1:{mute.getsockname()[1]}"}}
        context = {"name": "a", "context": {"cluster": "a", "user": "a"}}
        users = [{"name": "a", "user": {"token": "t"}}]
        config = {"current-context": "a", "contexts": [context], "clusters": [entry]}
        kubeconfig.write_text(json.dumps(config | {"users": users}))
        settings = {
            "registries": [named("main", host)],
            "clusters": [{"kubeconfig": str(kubeconfig)}],
        }
        with exporter(tmp_path / "victim", settings) as victim, felt(victim) as pulse:
            mute.settimeout(PATIENCE)
            with mute.accept()[0]:  # it waits for an answer from here on
                stopped = ended(victim, pulse)

    assert stopped < SOON


def test_told_to_stop_within_an_audit_of_a_hundred_thousand_tags_it_ends(tmp_path: Path) -> None:
    with attacking(tmp_path, "many_tags", 100_000) as host:
        tags = {"select": ["*"], "limit": 200_000, "total": 200_000}
        settings = {"registries": [named("main", host) | {"tags": tags}]}
        with exporter(tmp_path / "victim", settings) as victim, felt(victim) as pulse:
            asked = "pullproof_registry_requests_total"
            until(lambda: victim.value(asked) > 1_000, "the tags are resolved")
            stopped = ended(victim, pulse)

    assert stopped < SOON


def test_a_named_pipe_in_place_of_a_file_is_a_gap_and_is_not_waited_for(tmp_path: Path) -> None:
    pipes = [tmp_path / name for name in ("refs.txt", "password")]
    for each in pipes:
        os.mkfifo(each)  # opening it would wait for a writer, for ever
    references, password = map(str, pipes)
    with attacking(tmp_path, "healthy", 3) as one, attacking(tmp_path, "healthy", 4) as other:
        asked = named("asked", other) | {"username": "u", "password_file": str(tmp_path / "word")}
        (tmp_path / "word").write_text("secret")
        settings = {
            "registries": [named("healthy", one), asked],
            "references": [{"file": references, "class": "live"}],
        }
        with exporter(tmp_path / "victim", settings) as victim, felt(victim) as pulse:
            (tmp_path / "word").unlink()
            (tmp_path / "word").symlink_to(password)
            until(lambda: audits(victim) >= AUDITS, "the healthy registry is audited")
            told = victim.report().document["gaps"]
            stopped = ended(victim, pulse)

    (gap,) = {(each["scope"], each["reason"]) for each in told if each["scope"] == "references"}
    assert gap == ("references", "unreadable")
    assert stopped < SOON
