"""A registry whose live tags are broken already: no answer reassures over it."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from exporter import cli
from exporter.commands import snapshot as snapshot_command
from exporter.judge.judgement import judge
from tests.judge.scene import scene
from tests.parts import tree
from tests.parts.counting import Counting
from tests.store.layout import encode
from tests.worlds import image, two_platforms

if TYPE_CHECKING:
    from pathlib import Path

APP = image("app")
BOTH = two_platforms("both")
BROKEN = scene(APP).lose(APP.layers[0].digest).seal()


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    code = cli.main([str(word) for word in words])
    return code, capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["protect"], "nothing to do"), (["preflight", "--gc", "distribution-3"], "SAFE")],
)
@pytest.mark.parametrize("form", ["text", "markdown"])
def test_nothing_to_do_and_safe_say_that_live_tags_are_broken_already(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    expected: str,
    form: str,
) -> None:
    file = tmp_path / "s"
    file.write_bytes(encode(BROKEN.snapshot()))

    code, said = run(capsys, *words, "--from", file, "--output", form)

    (line,) = [each for each in said.splitlines() if "cannot be pulled already" in each]
    assert (code, expected in said) == (0, True)
    assert line.removeprefix("**").startswith("1 tag cannot be pulled already.")
    assert f"pullproof check --from {file}" in line
    whole = scene(APP).seal()
    file.write_bytes(encode(whole.snapshot()))
    assert "already" not in run(capsys, *words, "--from", file, "--output", form)[1].replace(
        "already protected", ""
    )


def test_a_program_reads_how_many_tags_are_broken_already(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "s"
    file.write_bytes(encode(BROKEN.snapshot()))

    def told(*words: str) -> Any:
        return json.loads(run(capsys, *words, "--from", file, "--output", "json")[1])

    planned = told("preflight", "--gc", "distribution-3")
    assert (planned["cannot_be_pulled"], planned["lacking_content"]) == (1, None)
    assert told("protect")["registries"][0]["cannot_be_pulled"] == 1


def test_a_complete_snapshot_says_that_live_tags_are_broken_already(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "s"
    monkeypatch.setattr(snapshot_command, "_report", lambda *_: judge(BROKEN.snapshot(), {}))

    code, said = run(capsys, "snapshot", file, "registry.example")

    first, second = said.splitlines()
    assert (code, first.endswith("coverage: complete")) == (0, True)
    assert second == f"1 tag cannot be pulled already. To see them: pullproof check --from {file}"


@pytest.mark.parametrize("gone", ["layer", "child", "link"])
def test_a_safe_collection_says_that_tags_lack_content_in_the_storage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], gone: str
) -> None:
    tree.write(tmp_path, "app", APP, "v1")
    tree.write(tmp_path, "app", BOTH, "v2")
    tree.write(tmp_path, "other", image("other"), "v1")
    words = ("preflight", "--storage", tmp_path, "--gc", "distribution-3")
    assert "already" not in run(capsys, *words)[1]
    child = BOTH.children[0].digest
    if gone == "link":
        tree.revision(tmp_path, "app", child).unlink()
    else:
        tree.data(tmp_path, APP.layers[0].digest if gone == "layer" else child).unlink()

    code, said = run(capsys, *words, "--registry", "r.example")

    assert code == 0, said
    text = " ".join(said.split())
    assert "The storage lacks content of 1 tag already." in text
    assert "pullproof check r.example" in text


def test_the_command_after_a_storage_names_the_configured_registry_that_has_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    storage = tmp_path / "storage"
    tree.write(storage, "app", APP, "v1")
    tree.data(storage, APP.layers[0].digest).unlink()
    (tmp_path / "link").symlink_to(storage)
    config = tmp_path / "pullproof.yml"

    def printed(*registries: dict[str, object], words: tuple[str, ...] = ()) -> list[str]:
        config.write_text(json.dumps({"registries": registries, "confirm_after": "0s"}))
        asked = ("--storage", storage, "--gc", "distribution-3", "--config", config, *words)
        _, said = run(capsys, "preflight", *asked)
        (line,) = [each for each in said.splitlines() if "lacks content" in each]
        assert "REGISTRY" not in line
        return shlex.split(line.rpartition(": ")[2])

    has: dict[str, object] = {"storage": {"path": "link"}}
    other: dict[str, object] = {"name": "other", "url": "https://s.example"}
    options = ["--config", str(config)]
    alone = {"url": "http://registry:5000", "plain_http": True}

    registry = Counting("unknown")
    registry.push(APP, "v1")
    with registry.served() as host:
        main: dict[str, object] = {"name": "main", "url": f"http://{host}", "plain_http": True}
        command = printed(other, main | has)
        assert command == ["pullproof", "check", "main", *options]
        _, said = run(capsys, *command[1:], "--output", "json")
        assert [each["registry"] for each in json.loads(said)["registries"]] == ["main"]

    assert printed(main)[2:3] == ["main"], "the only one"
    assert printed(other, main | has, words=("--registry", "s.example"))[2:3] == ["other"]
    assert printed(other, main)[2:] == options, "all of them"
    assert printed(other | has, main | has)[2:] == options, "two share the storage"
    unlike = printed(other, alone | has)
    assert unlike[2:3] == ["http://registry:5000"]
    assert cli.main([*unlike[1:], "--quiet"]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pullproof: registry:5000: "), "it is asked, and is no image"


def test_a_storage_of_an_unknown_registry_says_what_to_put_into_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree.write(tmp_path, "app", APP, "v1")
    tree.data(tmp_path, APP.layers[0].digest).unlink()
    words = ("preflight", "--storage", tmp_path, "--gc", "distribution-3")

    said = run(capsys, *words)[1]

    assert said.count("pullproof check REGISTRY ") == 1
    assert said.count("(replace REGISTRY by the host that clients pull from)") == 1
    named = run(capsys, *words, "--registry", "registry:5000")[1]
    assert "pullproof check https://registry:5000" in named
    assert "REGISTRY" not in named
