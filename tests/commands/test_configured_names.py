"""Names of configured registries: understood where people type them, never asked of Docker Hub."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from exporter import cli
from exporter.commands.subjects import read, with_hosts
from exporter.oci.reference import split_name
from tests.parts.counting import Counting
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from pathlib import Path

IMAGE: Final = "team/app:v1"


NAMES: Final = "main", "prod/eu"


def snapshots(folder: Path, name: str = "main") -> tuple[str, str]:
    """A registry with an image, and the same one without it."""
    registry = Counting("unknown")
    registry.push(two_platforms("app"), "v1")
    registry.push(two_platforms("other"), "v2")
    before, after = str(folder / "before"), str(folder / "after")
    with registry.served() as host:
        words = (name, "--config", configured(folder, host, name))
        assert cli.main(["snapshot", before, *words]) == 0
        del registry.tags["v1"]
        assert cli.main(["snapshot", after, *words]) == 0
    return before, after


def configured(folder: Path, host: str, name: str = "main") -> str:
    own = {"name": name, "url": f"http://{host}", "plain_http": True}
    (folder / "pullproof.yml").write_text(json.dumps({"confirm_after": "0s", "registries": [own]}))
    return str(folder / "pullproof.yml")


@pytest.mark.parametrize(("suffix", "name"), [(".txt", NAMES[0]), (".yml", NAMES[1])])
def test_a_file_of_references_that_begins_with_a_configured_name_is_a_gap(
    suffix: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A node would take `main/team/app` for an image of Docker Hub; who wrote it may not."""
    refs = tmp_path / f"refs{suffix}"
    refs.write_text(f"- {name}/{IMAGE}\n" if suffix == ".yml" else f"{name}/{IMAGE}\n")
    registry = Counting("unknown")
    registry.push(two_platforms("app"), "v1")
    with registry.served() as host:
        config = configured(tmp_path, host, name)
        for words in (
            ["check"],
            ["check", name],
            ["scrub", name],
            ["inspect", f"{name}/{IMAGE}"],
        ):
            code = cli.main([*words, "--refs", str(refs), "--config", config])
            said = "".join(capsys.readouterr())
            assert code == 3
            assert f"{name} is the name of a registry in the configuration: write {host}/" in said
            assert "docker.io:" not in said, "nothing was asked of it"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", [IMAGE, f"{{name}}/{IMAGE}"])
def test_a_plan_names_a_registry_as_its_configuration_does(
    form: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = snapshots(tmp_path, name)
    written = form.format(name=name)
    (tmp_path / "plan").write_text(f"{written}\n")
    capsys.readouterr()

    for way in ("--plan", "--intended"):
        assert cli.main(["diff", before, after, way, str(tmp_path / "plan")]) == 0
        assert "Removed (intended)" in capsys.readouterr().out
    for way in (["--plan", str(tmp_path / "plan")], ["--delete", written]):
        assert cli.main(["preflight", "--from", before, *way]) == 0
        assert "Would remove: 1 tag" in capsys.readouterr().out


def test_what_is_intended_in_another_registry_is_not_intended_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = snapshots(tmp_path)
    (tmp_path / "plan").write_text(f"other.example/{IMAGE}\n")
    capsys.readouterr()

    cli.main(["diff", before, after, "--intended", str(tmp_path / "plan")])
    assert "Removed (intended)" not in capsys.readouterr().out


def test_of_two_names_that_a_reference_begins_with_the_longer_one_counts() -> None:
    names = {"prod": "a.example", "prod/eu": "b.example"}

    assert split_name("prod/eu/app:v1", names) == ("prod/eu", "/app:v1")
    assert split_name("prod/europe:v1", names) == ("prod", "/europe:v1")
    assert split_name("prod/eu", names) == ("prod/eu", "")
    assert split_name("production/app", names) == ("", "production/app")


@pytest.mark.parametrize("host", ["registry:5000", "[::1]:5000", "localhost:5000", "reg.example"])
@pytest.mark.parametrize("name", [None, "main", "prod/eu"])
def test_the_name_of_a_registry_is_never_an_image_of_docker_hub(
    host: str, name: str | None, tmp_path: Path
) -> None:
    own = {"url": f"https://{host}"} | ({"name": name} if name else {})
    config = tmp_path / "pullproof.yml"
    config.write_text(json.dumps({"registries": [own]}))

    for typed in {name or host, host, whole(host)}:
        (found,) = with_hosts([typed], config, {})
        assert read([found], frozenset()).registries == {host}
        (found,) = with_hosts([f"{name or host}/app:v1"], config, {})
        assert read([found], frozenset()).hosts == {host}


def whole(host: str) -> str:
    """The word of printed commands."""
    return f"https://{host}" if host == "registry:5000" else host
