"""A printed command works in the place where it is read."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.cli import _parser
from exporter.commands.subjects import read
from exporter.facts.gap import Gap, Reason, Scope
from exporter.judge.report import Report
from exporter.oci.reference import host
from exporter.publish.answers.check import next_command
from exporter.publish.answers.remedies import cause_remedies, remedies
from exporter.publish.invocation import Invocation
from tests.publish.reports import MISSING, app_state, child, report, status, tag
from tests.publish.web.page import Page, ask
from tests.publish.web.serving import Board

CONFIG = Path("/etc/pullproof/pullproof.yml")
IN_A_POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "POD_NAME": "audit-0", "POD_NAMESPACE": "ops"}


def asked(address: str, registry: str = "main") -> Report:
    about = report(tag("app:v1", child("arm64", MISSING)), registry=registry)
    return replace(about, snapshot=replace(about.snapshot, address=address))


@pytest.mark.parametrize(
    ("address", "options", "command"),
    [
        ("https://reg.example", "", "reg.example/app:v1"),
        ("https://reg.example:443", "", "reg.example/app:v1"),
        ("http://reg.example:5000", "", "reg.example:5000/app:v1 --plain-http"),
        ("http://reg.example", "--config a.yml", "reg.example/app:v1 --config a.yml"),
        ("https://registry", "", "registry:443/app:v1"),
        ("https://registry-1.docker.io", "", "docker.io/app:v1"),
    ],
)
def test_a_command_names_the_address_and_not_the_configured_name(
    address: str, options: str, command: str
) -> None:
    found = next_command([asked(address)], Invocation(options))

    assert found == f"pullproof inspect {command}"


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("https://reg.example", "reg.example"),
        ("http://localhost:5000", "localhost:5000"),
        ("http://[::1]:5000", "[::1]:5000"),
        ("http://registry:5000", "http://registry:5000"),
        ("https://registry", "https://registry:443"),
    ],
)
@pytest.mark.parametrize("options", ["", "--config a.yml"])
def test_a_command_for_a_whole_registry_is_read_as_one(
    address: str, word: str, options: str
) -> None:
    """Docker reads `registry:5000` alone as an image of Docker Hub, and so does the program."""
    about = asked(address)
    (cause,) = about.causes
    find, upload = cause_remedies(about, cause.lack.digest, Invocation(options))

    for each in (find, upload):
        words = shlex.split(each.command)
        assert words[2] == word
        assert read([words[2]], frozenset()).registries == {host(address.partition("://")[2])} or (
            word == "https://registry:443"
        )
        _parser().parse_args(words[1:])


def test_the_next_command_after_an_audit_of_a_configuration_is_one_that_serve_takes() -> None:
    well = report(tag("app:v1", child("amd64")))
    options = "--config 'a b.yml' --count-pulls --platform linux/amd64"

    assert next_command([well], Invocation(options)) == "pullproof serve --config 'a b.yml'"


def test_in_a_cluster_every_command_goes_to_the_pod_and_the_archive_is_copied_there() -> None:
    about = asked("http://reg.example:5000")
    found = remedies(about, about.verdicts[0], Invocation.of_server(CONFIG, IN_A_POD))
    commands = [each.command for each in found]

    inside = [each for each in commands if "pullproof" in each]
    assert all(each.startswith("kubectl exec -n ops audit-0 -- pullproof ") for each in inside)
    assert all(each.endswith(f" --config {CONFIG}") for each in inside)
    assert "kubectl cp image.tar ops/audit-0:/tmp/image.tar" in commands
    assert any("--source oci-archive:/tmp/image.tar" in each for each in inside)


@pytest.mark.parametrize("environ", [{}, IN_A_POD], ids=["vm", "pod"])
def test_what_one_node_exports_does_not_replace_what_another_did(environ: dict[str, str]) -> None:
    lost = tag("app:v1", child("amd64", MISSING), child("arm64", MISSING), child("s390x"))
    about = report(lost)
    found = remedies(about, about.verdicts[0], Invocation.of_server(CONFIG, environ))
    words = [shlex.split(each.command) for each in found]

    files = [each[-2] for each in words if each[0] == "ctr"]
    assert files == ["image.tar", "image-2.tar"]
    (push,) = (each for each in words if "--source" in each)
    sources = [each for each in push if each.startswith("oci-archive:")]
    folder = "/tmp/" if environ else ""  # noqa: S108 - in the pod
    assert sources == [f"oci-archive:{folder}{each}" for each in files]
    copied = [each[2] for each in words if each[:2] == ["kubectl", "cp"]]
    assert copied == (files if environ else [])


@pytest.mark.parametrize(
    ("environ", "parent", "inside"),
    [
        (IN_A_POD, 0, "kubectl exec -n ops audit-0 -- "),
        (IN_A_POD, 17, ""),
        (IN_A_POD, 1, ""),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "job-of-a-pipeline"}, 0, ""),
        ({"POD_NAME": "audit-0"}, 0, ""),
    ],
    ids=["kubectl exec", "shell", "script", "pipeline", "elsewhere"],
)
def test_a_command_typed_into_a_pod_from_outside_is_answered_with_commands_for_outside(
    environ: dict[str, str], parent: int, inside: str
) -> None:
    again = Invocation.of_command("--config a.yml", environ, parent)

    found = next_command([asked("https://reg.example")], again)
    assert found == f"{inside}pullproof inspect reg.example/app:v1 --config a.yml"


def test_a_password_from_standard_input_reaches_the_pod() -> None:
    again = Invocation.of_command("--username me --password-stdin", IN_A_POD, 0)

    assert again.line("check").startswith("kubectl exec -n ops -i audit-0 -- pullproof check ")


def test_a_configured_registry_that_does_not_answer_is_asked_as_it_is_configured() -> None:
    gap = Gap(Scope.REGISTRY, "main", Reason.SERVER_ERROR, "503")
    away = report()
    seen = replace(away.snapshot, address="https://reg.example", gaps=(gap,))
    away = replace(away, snapshot=seen)

    found = next_command([away], Invocation("--config a.yml"))
    assert found == "pullproof check reg.example --verbose --config a.yml"
    assert next_command([away]) == "curl -v https://reg.example/v2/"


def test_outside_of_a_cluster_the_configuration_is_enough() -> None:
    assert Invocation.of_server(CONFIG, {"HOSTNAME": "vm"}) == Invocation(f"--config {CONFIG}")


async def test_pages_and_probes_print_commands_with_the_configuration() -> None:
    state = replace(
        app_state(status(asked("https://reg.example"))), invocation=Invocation("--config a.yml")
    )
    answer = await ask("/tag/main/app:v1", Board(state))
    page = Page(answer)

    assert '<span class="word">--config</span> a.yml' in answer.text, "no break within dashes"
    assert "pullproof inspect reg.example/app:v1 --config a.yml" in page.text
    assert "HOST" not in page.text
