"""Do the commands of these pages work as they are written, but for the names of hosts?"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from tests.parts.needs import asset
from tests.parts.pages import TREE, Page, Shell
from tests.parts.registry import Settings, registry
from tests.parts.tokens import PASSWORD, USER
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.parts.certificates import Authority
    from tests.parts.kubernetes import Kubernetes
    from tests.parts.registry import Registry

pytestmark = pytest.mark.real

CI: Final = Page("docs/quickstart/ci.md")
HARBOR: Final = Page("docs/quickstart/harbor.md")
HELM: Final = Page("docs/quickstart/helm.md")
HARDENING: Final = Page("docs/hardening.md")
APP: Final = two_platforms("app")


@pytest.fixture
def server(tmp_path: Path, authority: Authority) -> Iterator[Registry]:
    """A registry that lets in one user."""
    settings = Settings(authority=authority, basic=True)
    with registry(tmp_path / "registry", settings) as started:
        started.push("team/app", APP, "v1")
        yield started


def shell(folder: Path, server: Registry) -> Shell:
    hosts = dict.fromkeys(("ghcr.io", "harbor.example.com"), server.host)
    here = hosts | {"robot$team+audit": USER, "$ROBOT_SECRET": PASSWORD}
    assert server.settings.authority
    return Shell(folder, server.settings.authority.certificate, here)


def configuration(page: Page, name: str, typed: Shell) -> None:
    (written,) = (block for block in page.blocks("yaml") if "registries:" in block)
    (typed.folder / name).write_text(typed.said(written))


def test_a_pipeline_proves_its_push_and_a_cleanup_is_looked_at(
    tmp_path: Path, server: Registry
) -> None:
    typed = shell(tmp_path, server)
    configuration(CI, "ghcr.yml", typed)
    (tmp_path / "dry-run.log").write_text(f"team/app@{APP.children[0].digest}\n")
    known = f"export TOKEN={PASSWORD} ACTOR={USER}"

    codes = [typed.run(f"{known}\n{command}").returncode for command in CI.commands]

    wanted = {"preflight": 1}
    words = [re.findall(r"pullproof (\w+)", command)[0] for command in CI.commands]
    assert codes == [wanted.get(word, 0) for word in words]
    assert words == ["check", "snapshot", "preflight", "snapshot", "diff"]


def test_the_action_writes_the_table_into_the_summary(tmp_path: Path, server: Registry) -> None:
    typed = shell(tmp_path, server)
    (tmp_path / "pullproof").mkdir()
    (tmp_path / "pullproof" / "bin").symlink_to(Path(sys.executable).parent)
    (step,) = (
        each
        for each in yaml.safe_load((TREE / "action.yml").read_text())["runs"]["steps"]
        if each.get("id") == "check"
    )
    given = {
        "IMAGES": f"{server.host}/team/app:v1 {server.host}/team/app:gone",
        "PLATFORMS": "linux/amd64 linux/arm64",
        "REGISTRY_USER": USER,
        "REGISTRY_PASSWORD": PASSWORD,
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_STEP_SUMMARY": "summary.md",
        "GITHUB_OUTPUT": "output",
    }
    assert {*step["env"]} < {*given}

    done = typed.run(f"{exported(given)}\n{step['run']}")

    assert done.returncode == 1, done.stderr
    assert (tmp_path / "output").read_text() == "exit-code=1\n"
    assert "team/app:gone" in (tmp_path / "summary.md").read_text()


def test_the_component_writes_a_report_and_the_table(tmp_path: Path, server: Registry) -> None:
    typed = shell(tmp_path, server)
    _, jobs = yaml.safe_load_all((TREE / "templates" / "check.yml").read_text())
    script = "\n".join(jobs["pullproof-check"]["script"])
    script = script.replace("$[[ inputs.images ]]", f"{server.host}/team/app:v1")
    script = script.replace("$[[ inputs.options ]]", "--platform linux/amd64")
    known = {"CI_PROJECT_DIR": str(tmp_path), "CI_REGISTRY_USER": USER}

    done = typed.run(f"{exported(known | {'CI_REGISTRY_PASSWORD': PASSWORD})}\n{script}")

    assert done.returncode == 0, done.stderr
    assert 'failures="0"' in (tmp_path / "pullproof.xml").read_text()
    assert "team/app:v1" in (tmp_path / "pullproof.md").read_text()


def exported(variables: Mapping[str, str]) -> str:
    return "\n".join(f"export {name}={shlex.quote(text)}" for name, text in variables.items())


def test_harbor_s_robot_is_enough(tmp_path: Path, server: Registry) -> None:
    typed = shell(tmp_path, server)
    configuration(HARBOR, "harbor.yml", typed)
    (tmp_path / "robot.secret").write_text(PASSWORD)
    (tmp_path / "live.txt").write_text(f"{server.host}/team/app:v1\n")

    done = [typed.run(command) for command in HARBOR.commands]

    assert [each.returncode for each in done] == [0, 0, 0]
    assert "present" in done[0].stdout
    assert "live" in done[2].stdout


def test_the_chart_is_installed_as_the_page_says(tmp_path: Path, cluster: Kubernetes) -> None:
    """Where the Prometheus Operator is not: its kinds are switched off, as the page tells."""
    namespace = cluster.namespace()
    (values,) = (yaml.safe_load(block) for block in HELM.blocks("yaml"))
    for kind in ("serviceMonitor", "prometheusRule"):
        values[kind] = {"enabled": False}
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    (tmp_path / "helm").symlink_to(TREE / "helm")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "helm").symlink_to(asset("helm"))
    typed = Shell(tmp_path, None, {"audit": namespace}, (tmp_path / "bin",))
    cluster.kubeconfig(tmp_path / "kubeconfig")

    for command in HELM.commands:
        done = typed.run(f"export KUBECONFIG=kubeconfig\n{command}")
        assert done.returncode == 0, done.stderr

    made = [each["kind"] for each in yaml.safe_load_all(done.stdout)]
    assert {"Deployment", "Service", "ConfigMap", "PersistentVolumeClaim"} <= set(made)


@pytest.mark.parametrize("command", HARDENING.commands)
def test_what_the_page_on_hardening_shows_passes(command: str) -> None:
    done = Shell(TREE).run(command)

    assert done.returncode == 0, done.stdout + done.stderr
