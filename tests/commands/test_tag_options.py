"""`--tags` and `--exclude-tags` select in every way to name a registry, or are refused."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

import pytest

from exporter import cli
from tests.parts.counting import Counting
from tests.worlds import image

if TYPE_CHECKING:
    from pathlib import Path

TAGS: Final = ("latest", "rc-1", "v1", "v10", "v2")
CONFIGURED: Final = ("latest", "v1", "v10", "v2")
"""Those that the configuration selects, by `v*`, and the latest."""
PATTERNS: Final[tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = (
    (("rc*",), ()),
    (("v*",), ("v1",)),
    (("v?", "l*"), ("latest", "v2")),
    (("*",), ("*1*",)),
    (("v[12]",), ()),
    ((), ("latest",)),
    ((), ("v*", "rc*")),
    (("zzz*",), ()),
    (("V1",), ()),
    ((), ("*",)),
)
COMMANDS: Final = ("check", "scrub")


@pytest.fixture
def registry() -> Counting:
    found = Counting("unknown")
    for tag in TAGS:
        found.push(image(tag), tag)
    return found


def configured(folder: Path, host: str) -> tuple[str, str]:
    settings = {"name": "main", "url": f"http://{host}", "plain_http": True}
    settings["tags"] = {"select": ["v*"]}
    (folder / "pullproof.yml").write_text(
        json.dumps({"confirm_after": "0s", "registries": [settings]})
    )
    return "--config", str(folder / "pullproof.yml")


@pytest.mark.parametrize("how", ["host", "host and configuration", "name", "configuration"])
@pytest.mark.parametrize("command", COMMANDS)
def test_tags_are_selected_however_the_registry_is_named(
    registry: Counting, command: str, how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with registry.served() as host:
        config = configured(tmp_path, host)
        words = {
            "host": (host, "--plain-http"),
            "host and configuration": (host, *config),
            "name": ("main", *config),
            "configuration": config,
        }[how]
        for tags, without in PATTERNS:
            given = [word for each in tags for word in ("--tags", each)]
            given += [word for each in without for word in ("--exclude-tags", each)]
            code = cli.main([command, *words, *given, "--output", "json"])
            audited = {each["tag"] for each in json.loads(capsys.readouterr().out)["tags"]}

            all_of_it = CONFIGURED if how == "configuration" and not tags else TAGS
            wanted = {
                tag
                for tag in all_of_it
                if any(fnmatchcase(tag, each) for each in tags or ("*",))
                and not any(fnmatchcase(tag, each) for each in without)
            }
            assert (audited, code) == (wanted, 0 if wanted else 3), given


@pytest.mark.parametrize("option", ["--tags", "--exclude-tags"])
@pytest.mark.parametrize("command", [*COMMANDS, "repair"])
def test_options_that_select_nothing_beside_images_are_refused(
    command: str, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refs = tmp_path / "refs.txt"
    refs.write_text("registry.invalid/team/app:v1\n")
    for words in (["registry.invalid/team/app:v1"], ["--refs", str(refs)]):
        assert cli.main([command, *words, option, "v*"]) == 2
        assert f"{option} selects tags of a registry" in capsys.readouterr().err
