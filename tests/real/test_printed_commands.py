"""Do the commands that pages and answers print work as pasted, and do what they say?"""

from __future__ import annotations

import html
import re
import tarfile
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from tests.parts import layout, tree
from tests.parts.counting import Counting
from tests.parts.http import Answer, serving
from tests.parts.pages import TREE, Shell
from tests.parts.product import Json, configure, exporter
from tests.parts.registry import Registry, Settings, registry
from tests.shipped.grafana import documents, panels
from tests.shipped.promql import filled
from tests.worlds import image, layer, two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts.certificates import Authority

pytestmark = pytest.mark.real

IMAGE: Final = "team/app:v1"
PLAIN, PRIVATE, NAMED = "plain", "private", "named"
KINDS: Final = (PLAIN, PRIVATE, NAMED)
APPS: Final = {kind: two_platforms(kind) for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Site:
    """Three registries that lost the children of an image, and one configuration of them."""

    shell: Shell
    registries: dict[str, Registry]
    settings: Json

    def label(self, kind: str) -> str:
        return "main" if kind == NAMED else self.registries[kind].host

    def options(self, kind: str) -> str:
        """How somebody at a terminal reaches it."""
        authority = self.registries[kind].settings.authority
        if kind == NAMED:
            return "--config pullproof.yml"
        return f"--ca-file {authority.certificate}" if authority else "--plain-http"

    def run(self, command: str, expected: int) -> str:
        done = self.shell.run(command)
        assert done.returncode == expected, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def lose(self) -> None:
        for each in self.registries.values():
            each.collect("--delete-untagged")

    def act(self, commands: list[str], kind: str) -> None:
        """Run what a broken tag calls for; a node still has its image."""
        (self.shell.folder / "node.tar").write_bytes(
            (self.shell.folder / f"{kind}.tar").read_bytes()
        )
        find, upload, *exports, push, verify = commands
        assert all(each.startswith("ctr -n k8s.io images export") for each in exports)
        assert "No source has it" in self.run(find, 1)
        assert "No source has it" in self.run(upload, 1)
        for each in exports:
            self.run(each, 0)
            assert self.registries[kind].host in each
        assert "1 tag can be pulled" in self.run(push, 0)
        assert "present" in self.run(verify, 0)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    for kind, made in APPS.items():
        layout.write(folder / kind / "layout", made, "v1")
        with tarfile.open(folder / f"{kind}.tar", "w") as tar:
            tar.add(folder / kind / "layout", ".")
    tools = folder / "tools"
    _script(tools / "ctr", "for each; do file=$before before=$each; done; cp node.tar $file")
    _script(tools / "pullproof", f'PYTHONPATH={TREE} exec python -m exporter "$@"')
    with ExitStack() as stack:
        found = {
            kind: stack.enter_context(
                registry(folder / kind, Settings(authority=authority if kind == PRIVATE else None))
            )
            for kind in KINDS
        }
        for kind, each in found.items():
            each.push("team/app", APPS[kind], "v1")
        configured: list[Json] = [
            {"url": found[PLAIN].url, "plain_http": True},
            {"url": found[PRIVATE].url, "ca_file": str(authority.certificate)},
            {"url": found[NAMED].url, "plain_http": True, "name": "main"},
        ]
        settings = {"interval": "1h"} | {
            "registries": [each | {"tags": {"select": ["*"]}} for each in configured]
        }
        configure(folder / "pullproof.yml", settings)
        yield Site(Shell(folder, programs=(tools,)), found, settings)


def _script(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def printed(answer: str) -> list[str]:
    return re.findall(r"^(?:  |Next: )((?:pullproof|ctr|curl) .*)$", answer, re.MULTILINE)


def on_page(page: str) -> list[str]:
    found = re.findall(r'<pre id="command-\d+"[^>]*>(.*?)</pre>', page)
    return [html.unescape(re.sub(r"<[^>]+>", "", each)) for each in found]


def test_every_command_of_a_page_works_where_the_exporter_runs(site: Site) -> None:
    site.lose()
    with exporter(site.shell.folder / "exporter", site.settings) as running:
        running.ready()
        for kind in KINDS:
            path = f"/tag/{site.label(kind)}/{IMAGE}"
            again, *commands = on_page(running.get(path).text)
            assert IMAGE in site.run(again, 1)
            site.act(commands, kind)
        running.audit()
        for kind in KINDS:
            _, plan, protect = on_page(running.get(f"/tag/{site.label(kind)}/{IMAGE}").text)
            assert "2 keep tags to set" in site.run(plan, 1)
            assert "2 manifests already protected" in site.run(protect, 0)
    for kind, each in site.registries.items():
        with each.client("team/app") as client:
            for child in APPS[kind].children:
                client.delete(child.digest)


def test_the_commands_for_one_digest_that_breaks_several_tags_repair_them_all(site: Site) -> None:
    shared = layer("shared")
    for kind, each in site.registries.items():
        for number in range(2):
            tree.write(
                each.root, "team/cause", image(f"{kind} {number}", layers=(shared,)), f"v{number}"
            )
        tree.data(each.root, shared.digest).unlink()
    kept = site.shell.folder / "kept"
    tree.write(kept, "x", image("kept", layers=(shared,)))
    with exporter(site.shell.folder / "exporter-of-causes", site.settings) as running:
        running.ready()
        uploads = []
        for kind in KINDS:
            page = running.get(f"/digest/{site.label(kind)}/{shared.digest}").text
            find, upload = on_page(page)
            told = site.run(f"pullproof check {site.label(kind)} {site.options(kind)}", 1)
            (listed,) = (one for one in printed(told) if "--cause" in one)
            for command in (find, listed):
                said = site.run(command, 1)
                assert "No source has it" in said
                assert "Restore it" not in said
            uploads.append(upload)
        # The first from a copy; then the others have it from the registry that is well again.
        for command in (f"{uploads[0]} --source storage:{kept}", *uploads[1:]):
            assert "2 tags can be pulled" in site.run(command, 0)


def test_the_commands_of_a_dashboard_name_the_registry_as_it_is_configured(site: Site) -> None:
    site.lose()
    (note,) = (
        panel["options"]["content"]
        for panel in panels(documents()["tag.json"])
        if panel["title"] == "What to do"
    )
    for kind in KINDS:
        here = {
            "${registry:raw}": site.label(kind),
            "${repository:raw}:${tag:raw}": IMAGE,
            "/etc/pullproof/": "",
        }
        commands = re.findall(r"^    (pullproof .*)$", filled(note, here), re.MULTILINE)
        told = [
            site.run(command, code) for command, code in zip(commands, (1, 1, 1, 0), strict=True)
        ]
        for words, said in zip(("MISSING", "arm64", "No source has it", ""), told, strict=True):
            assert words in said


def test_the_commands_of_an_answer_reach_the_registry_that_it_is_about(site: Site) -> None:
    site.lose()
    for kind in KINDS:
        asked = f"pullproof check {site.label(kind)}/{IMAGE} {site.options(kind)}"
        (closer,) = printed(site.run(asked, 1))
        find, *_, verify = printed(site.run(closer, 1))
        assert "No source has it" in site.run(find, 1)
        assert "MISSING" in site.run(verify, 1)


def test_the_command_for_a_registry_that_does_not_answer_shows_its_answer(
    site: Site, authority: Authority
) -> None:
    for kind in (PLAIN, PRIVATE):
        well = site.registries[kind]
        image = f"{well.host}/team/well:v1"
        well.push("team/well", APPS[kind], "v1")
        tls = authority.sign("away") if kind == PRIVATE else None
        with serving(lambda _: Answer(503, b"upstream is away"), tls) as url:
            asked = f"pullproof check {image} {url.partition('://')[2]} {site.options(kind)}"
            (curl,) = printed(site.run(asked, 3))
            assert curl.startswith("curl -v ")
            assert "upstream is away" in site.run(curl, 0)


def test_the_command_that_consents_to_counted_pulls_reads_the_registry(site: Site) -> None:
    counting, well = Counting("harbor"), site.registries[PLAIN]
    counting.push(APPS[PLAIN], "v1")
    well.push("team/well", APPS[PLAIN], "v1")
    with counting.served() as host:
        asked = f"pullproof check {host} {well.host}/team/well:v1 --plain-http"
        (consent,) = printed(site.run(asked, 3))
        assert counting.records == (0, {})
        assert "team/app:v1" in site.run(consent, 0)
