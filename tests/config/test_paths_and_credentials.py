"""A path that no system takes is told by its key; credentials are told by nobody."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import cli
from exporter.config.loading import Misconfigured, load, parse
from exporter.oci.digest import quoted, without_credentials

if TYPE_CHECKING:
    from pathlib import Path

HOST: Final = "https://r.example"
PLACES: Final = {
    "web_config_file": lambda path: {"web_config_file": path},
    "ledger": lambda path: {"ledger": path},
    "facts.path": lambda path: {"facts": {"path": path}},
    **{
        f"registries[0].{key}": lambda path, key=key: {"registries": [{"url": HOST, key: path}]}
        for key in (
            *("ca_file", "certificate_file", "key_file", "username_file", "password_file"),
            *("identity_token_file", "docker_config"),
        )
    },
    "registries[0].storage.path": lambda path: {
        "registries": [{"url": HOST, "storage": {"path": path}}]
    },
    "references[0].file": lambda path: {"references": [{"file": path}]},
    "clusters[0].kubeconfig": lambda path: {"clusters": [{"name": "c", "kubeconfig": path}]},
}
PATHS: Final = {
    "a long name": "x" * 256,
    "a long name in no folder": f"/nowhere/{'ö' * 128}/file",
    "a long path": "/x" * 2100,
    "a NUL": "a\0b",
    "half a character": "a\ud800b",
}


@pytest.mark.parametrize("key", PLACES)
@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_cannot_be_is_one_line_that_names_its_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, path: str
) -> None:
    document: dict[str, Any] = {"registries": [{"url": HOST}]} | PLACES[key](PATHS[path])
    config = tmp_path / "pullproof.yml"
    config.write_text(json.dumps(document))

    code = cli.main(["serve", "--check-config", "--config", str(config)])

    (line,) = capsys.readouterr().err.splitlines()
    assert code == cli.USAGE
    assert key in line or "not UTF-8" in line or "not YAML" in line or "control" in line
    assert len(line) < 600


def test_a_file_in_a_folder_that_may_not_be_seen_is_told(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    config = tmp_path / "pullproof.yml"
    config.write_text(f"registries: [{{url: '{HOST}', ca_file: loop/ca.pem}}]\n")

    with pytest.raises(Misconfigured, match=r"registries\[0\].ca_file: "):
        load(config, {})


SECRET: Final = "s3cr/et@x"
WRONG: Final = (
    f"https://me:{SECRET}@r.example",
    f"https://me:{SECRET}@r.example/app:v1",
    f"http://me:{SECRET}@r.example/app@sha256:00",
    f"me:{SECRET}@r.example:5000",
    f"me:{SECRET}@r.example/app:v1",
    f"me:{SECRET}@",
)


@pytest.mark.parametrize("text", WRONG)
@pytest.mark.parametrize(
    "document",
    [
        {"registries": [{"url": "?"}]},
        {"registries": [{"url": HOST, "aliases": ["?"]}]},
        {"registries": [{"url": HOST, "repositories": ["?"]}]},
        {"registries": [{"url": HOST, "role": "?", "collector": "?"}]},
        {"registries": [{"url": HOST, "tags": {"include": ["?"], "latest": ["?"]}}]},
        {"registries": [{"url": HOST, "storage": {"url": "?", "endpoint": "?"}}]},
        {"registries": [{"url": HOST}], "references": [{"images": ["?"]}]},
        {"registries": [{"url": HOST}], "listen": "?", "external_url": "?", "runbooks": "?"},
        {"registries": [{"url": HOST, "?": 1}]},
        {"?": 1},
    ],
    ids=json.dumps,
)
def test_no_error_repeats_credentials(document: dict[str, Any], text: str) -> None:
    body = json.dumps(document).replace("?", text)

    with pytest.raises(Misconfigured) as raised:
        parse(body.encode(), {})

    assert "et@x" not in str(raised.value)
    assert "s3cr" not in str(raised.value)


@pytest.mark.parametrize("text", WRONG)
@pytest.mark.parametrize(
    "words",
    [["check"], ["inspect"], ["explain"], ["protect"], ["scrub"], ["snapshot", "/dev/null"]],
    ids=" ".join,
)
def test_no_command_repeats_credentials_that_were_typed(
    capsys: pytest.CaptureFixture[str], words: list[str], text: str
) -> None:
    code = cli.main([*words, text])

    told = capsys.readouterr()
    assert code == cli.USAGE
    assert "s3cr" not in told.out + told.err
    assert "et@x" not in told.out + told.err
    assert len(told.err.splitlines()) == 1


def test_an_option_that_is_none_repeats_no_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["check", "--chek", "https://me:secret@r.example"])

    assert "secret" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("r.example/app:v1", "r.example/app:v1"),
        (f"r.example/app@sha256:{'0' * 64}", f"r.example/app@sha256:{'0' * 64}"),
        ("me:secret@r.example/app@sha256:0", "…@r.example/app@sha256:0"),
        ("https://me:secret@r.example/app", "https://…@r.example/app"),
        ("https://r.example/app", "https://r.example/app"),
    ],
)
def test_only_what_stands_before_the_host_is_left_out(text: str, shown: str) -> None:
    assert without_credentials(text) == shown


@given(st.text(), st.integers(1, 100))
def test_what_is_quoted_is_printable_and_short(text: str, most: int) -> None:
    assert quoted(text, most).isprintable()
    assert len(quoted("x" * 1000, most)) == most + 2


LONG: Final = "x" * 300


@pytest.mark.parametrize(
    "words",
    [
        ["check", "--refs", LONG, "r.example/a:1"],
        ["check", "--config", LONG],
        ["check", "--ca-file", LONG, "r.example/a:1"],
        ["check", "--docker-config", LONG, "r.example/a:1"],
        ["check", "--from", LONG],
        ["diff", LONG, LONG],
        ["preflight", "--storage", LONG, "--plan", LONG],
        ["preflight", "--from", LONG, "--gc", "distribution-2"],
        ["scrub", "--storage", LONG, "r.example/a:1"],
        ["capacity", "--facts", LONG],
        ["serve", "--config", LONG],
    ],
    ids=lambda words: " ".join(words)[:30],
)
def test_a_path_that_cannot_be_on_the_command_line_is_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    code = cli.main(words)

    (line,) = capsys.readouterr().err.splitlines()
    assert code == cli.USAGE
    assert "internal error" not in line
