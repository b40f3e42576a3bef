"""Do the links and commands of an installed chart work: of pages, alerts, dashboards and notes?

The exporter runs with the configuration that helm rendered, Prometheus with the rendered rules, and
`kubectl` reaches the rendered pod. Nothing is set for links but `external_url`. One registry speaks
plain http, one has a certificate of a private authority, mounted from a ConfigMap, and one a name.
"""

from __future__ import annotations

import html
import json
import re
import tarfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tests.parts import layout, links
from tests.parts.helm import CHART, NAMESPACE, helm, rendered
from tests.parts.kubectl import Pod
from tests.parts.monitoring import Prometheus, impatient, prometheus
from tests.parts.pages import Shell
from tests.parts.ports import held
from tests.parts.process import until
from tests.parts.product import Exporter, exporter
from tests.parts.registry import Registry, Settings, registry
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parts.certificates import Authority

Json = dict[str, Any]

pytestmark = pytest.mark.real

NAME: Final = "release-pullproof"
POD: Final = f"{NAME}-6d4cf56db6-x7k2p"
PLAIN, PRIVATE, NAMED = "plain", "private", "named"
KINDS: Final = (PLAIN, PRIVATE, NAMED)
APPS: Final = {kind: two_platforms(kind) for kind in KINDS}
CONFIG: Final = "/etc/pullproof/pullproof.yml"
AUTHORITY: Final = "/run/pullproof/configmaps/authority/ca.crt"
EXPECTED: Final = {"RegistryLatestTagBroken"}


@dataclass(frozen=True, slots=True)
class Installed:
    """The chart's objects, and what runs in them."""

    objects: dict[tuple[str, str], Json]
    values: Json
    registries: dict[str, Registry]
    exporter: Exporter
    prometheus: Prometheus
    shell: Shell

    @property
    def address(self) -> str:
        return f"{self.values['config']['external_url']}/"

    def label(self, kind: str) -> str:
        return "main" if kind == NAMED else self.registries[kind].host

    def run(self, command: str, expected: int) -> str:
        done = self.shell.run(command)
        assert done.returncode == expected, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def commands(self, path: str) -> list[str]:
        page = self.exporter.get(path).text
        return [
            html.unescape(re.sub(r"<[^>]+>", "", each))
            for each in re.findall(r'<pre id="command-\d+"[^>]*>(.*?)</pre>', page)
        ]


def values(address: str, registries: dict[str, Registry]) -> Json:
    reached: dict[str, Json] = {
        PLAIN: {"plain_http": True},
        PRIVATE: {"ca_file": AUTHORITY},
        NAMED: {"plain_http": True, "name": "main"},
    }
    audited = [
        {"url": each.url, "tags": {"select": ["*"]}} | reached[kind]
        for kind, each in registries.items()
    ]
    on = {"enabled": True}
    return {
        "image": {"repository": "registry.example.com/pullproof"},
        "configMaps": ["authority"],
        "config": {"external_url": f"http://{address}", "registries": audited},
        **dict.fromkeys(("prometheusRule", "dashboards", "serviceMonitor"), on),
    }


def pod_of(objects: dict[tuple[str, str], Json], folder: Path) -> Pod:
    """The pod of the rendered Deployment, its mounts as folders here."""
    spec = objects["Deployment", NAME]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    mounts = {each["mountPath"]: str(folder / each["name"]) for each in container["volumeMounts"]}
    for each in mounts.values():
        (folder / each).mkdir(parents=True)
    variables = {"KUBERNETES_SERVICE_HOST": "127.0.0.1"}
    known = {"metadata.name": POD, "metadata.namespace": NAMESPACE}
    for each in container["env"]:
        variables[each["name"]] = known[each["valueFrom"]["fieldRef"]["fieldPath"]]
    return Pod(NAMESPACE, [POD, f"deployment/{NAME}"], [container["name"]], mounts, variables)


@pytest.fixture(scope="module")
def installed(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("installed")
    with ExitStack() as stack:
        here = {}
        for kind in KINDS:
            trusted = Settings(authority=authority if kind == PRIVATE else None)
            here[kind] = stack.enter_context(registry(folder / kind, trusted))
            here[kind].push("team/app", APPS[kind], "v1", "latest")
            keep(folder, kind)
            here[kind].collect("--delete-untagged")
        address = stack.enter_context(held())
        given = values(address, here)
        objects = rendered(values=given)
        pod = pod_of(objects, folder / "pod")
        pod.tool(folder / "tools")
        Path(pod.here(AUTHORITY)).write_bytes(authority.certificate.read_bytes())
        text = objects["ConfigMap", NAME]["data"]["pullproof.yml"]
        settings = yaml.safe_load(text.replace(AUTHORITY, pod.here(AUTHORITY)))
        settings |= {"listen": [address], "clusters": [], "interval": "1h"}
        settings["ledger"] = f"{pod.here('/var/lib/pullproof/x')[:-1]}ledger.sqlite"
        running = stack.enter_context(exporter(folder / "pod" / "config", settings, pod.variables))
        (folder / "rules").mkdir()
        (folder / "rules" / "rules.yml").write_text(
            yaml.safe_dump(objects["PrometheusRule", NAME]["spec"])
        )
        rules = impatient(folder / "rules" / "rules.yml", folder / "impatient")
        scrape = {"job_name": NAME, "static_configs": [{"targets": [address]}]}
        watching = stack.enter_context(prometheus(folder / "prometheus", scrape, [rules]))
        running.ready()
        until(lambda: links.firing(watching).keys() >= EXPECTED, "the alert of the chart")
        shell = Shell(folder, programs=(folder / "tools",))
        yield Installed(objects, given, here, running, watching, shell)


def answered(text: str) -> list[str]:
    """The commands that an answer prints."""
    return re.findall(r"^(?:  |Next: )((?:pullproof|kubectl exec) .*)$", text, re.MULTILINE)


def keep(folder: Path, kind: str) -> None:
    """Let a node have the image, as `ctr` exports it."""
    layout.write(folder / kind / "layout", APPS[kind], "v1")
    with tarfile.open(folder / f"{kind}.tar", "w") as tar:
        tar.add(folder / kind / "layout", ".")
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    copy = "for each; do file=$before before=$each; done; cp node.tar $file"
    (tools / "ctr").write_text(f"#!/bin/sh\n{copy}\n")
    (tools / "ctr").chmod(0o755)


def test_every_link_of_every_page_is_answered(installed: Installed) -> None:
    followed = links.follow(installed.address)

    kinds = {re.split(r"[/?]", each.removeprefix(installed.address))[0] for each in followed}
    assert kinds >= {"", "tag", "digest", "docs", "metrics", "report.json"}


def test_every_link_of_every_alert_that_fires_is_answered(installed: Installed) -> None:
    for alert in (each for found in links.firing(installed.prometheus).values() for each in found):
        for link in links.of_alert(alert):
            assert link.startswith(installed.address), link
            assert links.status(link) == 200, link


def test_every_link_of_every_dashboard_is_answered(installed: Installed) -> None:
    anything = dict.fromkeys(("$registry", "$cluster", "$job", "$instance"), ".*")
    anything |= {"$repository": "team/app", "$tag": "v1"}
    boards = {name: each for (kind, name), each in installed.objects.items() if "dashboard" in name}
    assert len(boards) == 4
    for board in boards.values():
        for text in board["data"].values():
            found = links.of_dashboard(
                json.loads(text), installed.prometheus, anything, installed.label(PLAIN)
            )
            assert len(found) >= 2
            assert {each: links.status(each) for each in found} == dict.fromkeys(found, 200)


def test_the_commands_of_the_notes_do_what_they_say(installed: Installed) -> None:
    words = ("install", "release", str(CHART), f"--namespace={NAMESPACE}", "--dry-run=client")
    said = helm(*words, "--values=-", typed=yaml.safe_dump(installed.values))
    notes = said.output.partition("NOTES:")[2]
    commands = re.findall(r"^  (kubectl .*)$", notes, re.MULTILINE)
    forward, check, logs = commands
    service = installed.objects["Service", NAME]["spec"]
    selected = dict(each.split("=") for each in logs.rpartition(" ")[2].split(","))

    assert re.search(r"^  (http://127.0.0.1:10470)/$", notes, re.MULTILINE)
    (port,) = service["ports"]
    assert forward.endswith(f"port-forward service/{NAME} 10470:{port['port']}")
    assert selected.items() <= installed.objects["Deployment", NAME]["metadata"]["labels"].items()
    assert all(f"--namespace {NAMESPACE} " in each for each in commands)
    said = installed.run(check, 1)
    assert said.count("latest    team/app:latest  MISSING") == len(KINDS)
    *finds, closer = answered(said)
    assert len(finds) == len(KINDS)
    assert all("No source has it" in installed.run(each, 1) for each in finds)
    assert "MISSING" in installed.run(closer, 1)


def test_an_answer_prints_commands_that_work_outside_the_pod_where_it_is_read(
    installed: Installed,
) -> None:
    asked = f"pullproof check {installed.label(PRIVATE)}/team/app:v1 --config {CONFIG}"
    (closer,) = answered(installed.run(f"kubectl exec -n {NAMESPACE} {POD} -- {asked}", 1))
    find, *_, verify = answered(installed.run(closer, 1))

    assert "No source has it" in installed.run(find, 1)
    assert "MISSING" in installed.run(verify, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_commands_of_pages_repair_a_tag_from_outside_the_pod(
    installed: Installed, kind: str
) -> None:
    path = f"/tag/{installed.label(kind)}/team/app:v1"
    (installed.shell.folder / "node.tar").write_bytes(
        (installed.shell.folder / f"{kind}.tar").read_bytes()
    )
    again, find, upload, *archives, push, verify = installed.commands(path)
    exports = [each for each in archives if each.startswith("ctr -n k8s.io images export")]
    copies = [each for each in archives if each.startswith("kubectl cp ")]

    assert all(
        each.startswith(f"kubectl exec -n {NAMESPACE} {POD} -- ") for each in (again, verify)
    )
    assert "team/app:v1" in installed.run(again, 1)
    assert "No source has it" in installed.run(find, 1)
    assert "No source has it" in installed.run(upload, 1)
    assert archives == [*exports, *copies]
    assert len(exports) == len(copies) > 1
    for each in archives:
        installed.run(each, 0)
    assert "1 tag can be pulled" in installed.run(push, 0)
    assert "present" in installed.run(verify, 0)
    installed.exporter.audit()
    _, plan, protect = installed.commands(path)
    assert "2 keep tags to set" in installed.run(plan, 1)
    assert "2 manifests already protected" in installed.run(protect, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        ("exec -n audit", "exec -n other"),
        (POD, "release-pullproof-0"),
        ("exec ", "exec --contaner=pullproof "),
        (" -- ", " "),
        ("pullproof inspect", "inspect"),
    ],
)
def test_what_names_another_pod_is_not_run(installed: Installed, wrong: tuple[str, str]) -> None:
    again = installed.commands(f"/tag/{installed.label(NAMED)}/team/app:v1")[0]
    done = installed.shell.run(again.replace(*wrong))

    assert done.returncode != 0
    assert "team/app" not in done.stdout
