"""With which settings is a registry asked that was typed, or that a configuration knows?"""

from __future__ import annotations

import argparse
import io
import shlex
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from exporter.cli import USAGE, _parser, main
from exporter.commands import Refused
from exporter.commands.arguments import COMMANDS
from exporter.commands.options import Typed, again, typed
from exporter.commands.repair import _typed_again

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = "registry.example.com"


def settings(*words: str, config: Path | None = None) -> Typed:
    given = ["check", KNOWN, *words, *(["--config", str(config)] if config else [])]
    return typed(_parser().parse_args(given), {KNOWN}, {})


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "pullproof.yml"
    path.write_text(f"confirm_after: 7s\nregistries: [{{url: 'https://{KNOWN}'}}]\n")
    return path


def test_a_typed_pause_wins_over_the_configuration(config: Path) -> None:
    assert settings(config=config).settings.confirm_after == timedelta(seconds=7)
    known = settings("--confirm-after", "1s", config=config)
    assert known.settings.confirm_after == timedelta(seconds=1)


def test_a_registry_that_was_only_typed_is_asked_again_sooner() -> None:
    assert settings().settings.confirm_after == timedelta(seconds=3)
    assert settings("--confirm-after", "0s").settings.confirm_after == timedelta()


def test_what_the_configuration_says_already_is_not_passed_over_in_silence(config: Path) -> None:
    with pytest.raises(Refused, match=r"--plain-http: .*pullproof\.yml already configures"):
        settings("--plain-http", config=config)


def test_a_registry_that_is_typed_with_its_usual_port_and_without_is_one(config: Path) -> None:
    both = {KNOWN, f"{KNOWN}:443", f"{KNOWN}:5000"}

    typed_only = typed(_parser().parse_args(["check"]), both, {}).settings.registries
    known = settings(config=config).settings.registries

    assert [each.label for each in typed_only] == [KNOWN, f"{KNOWN}:5000"]
    assert known[0].hosts == {KNOWN, f"{KNOWN}:443"}


@pytest.mark.parametrize("command", ["check", "inspect", "explain", "protect"])
def test_an_address_with_http_asks_without_tls(command: str) -> None:
    args = _parser().parse_args([command, f"http://{KNOWN}/app:v1"])

    (registry,) = typed(args, {KNOWN}, {}).settings.registries

    assert (registry.url, registry.plain_http) == (f"http://{KNOWN}", True)
    assert again(args).options == "--plain-http"


@pytest.mark.parametrize(("typed_after", "context"), [((), ""), (("prod",), "prod")])
def test_a_cluster_needs_no_name(typed_after: tuple[str, ...], context: str) -> None:
    assert _parser().parse_args(["check", KNOWN, "--kube", *typed_after]).kube == context


def test_registries_with_and_without_tls_are_asked_in_two_commands() -> None:
    with pytest.raises(Refused, match="http:// and others"):
        typed(_parser().parse_args(["check", f"http://{KNOWN}", "other.example"]), {KNOWN}, {})


def test_a_pause_that_is_none_is_refused() -> None:
    with pytest.raises(Refused, match="--confirm-after: not a duration"):
        settings("--confirm-after", "soon")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--concurrency", "0"], "--concurrency: must be at least 1"),
        (["--requests-per-second", "0"], "--requests-per-second: must be more than 0"),
        (["--timeout", "5"], "--timeout: not a duration such as"),
        (["--docker-config", "/no/such"], "--docker-config: no such file: /no/such"),
        (["--ca-file", "/etc/hostname"], "--ca-file: /etc/hostname: no certificate"),
        (["--username", "reader"], "--username needs --password-stdin"),
    ],
)
def test_what_was_typed_wrong_is_named_as_it_was_typed(words: list[str], told: str) -> None:
    with pytest.raises(Refused) as refused:
        settings(*words)

    assert str(refused.value).startswith(told)


def test_a_password_that_does_not_come_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    with pytest.raises(Refused, match="standard input is empty"):
        settings("--username", "reader", "--password-stdin")


def test_what_reaches_a_registry_again_is_what_reached_it() -> None:
    words = ["check", KNOWN, "--plain-http", "--config", "a b.yml", "--timeout", "3s"]

    assert again(_parser().parse_args(words)).options == "--config 'a b.yml' --plain-http"
    assert again(_parser().parse_args(words[:2])).options == ""
    assert again(_parser().parse_args(["demo"])).options == ""
    words += ["--platform", "linux/amd64", "--platform", "linux/arm64"]
    assert again(_parser().parse_args(words)).options.endswith(" ".join(words[-4:]))


ONLY_HOW: Final = {
    *("apply", "all", "output", "quiet", "color", "verbose", "head_only", "help"),
    *("concurrency", "requests_per_second", "timeout", "confirm_after"),
}
"""Options of `repair` that decide neither what is repaired nor from where: the plan's own."""


@pytest.mark.parametrize("times", [1, 2])
def test_a_plan_is_repeated_with_every_option_that_decides_it(times: int) -> None:
    own = argparse.ArgumentParser(add_help=False)
    COMMANDS["repair"].add(own)
    for action in own._actions:  # noqa: SLF001 - argparse lists them nowhere else
        repeated = action.dest == "source" or isinstance(action.default, list)
        if action.dest in ONLY_HOW or not action.option_strings or (times > 1 and not repeated):
            continue
        option = action.option_strings[-1]
        values = [] if action.nargs == 0 else ["a b"]
        words = ["repair", "r.example", *[option, *values] * times]
        printed = shlex.split(_typed_again(_parser().parse_args(words)))
        again_, words_ = (vars(_parser().parse_args(each)) for each in (printed[1:], words))
        assert again_ == words_, option
    assert _typed_again(_parser().parse_args(["repair", "r.example", "--kube"])).endswith("--kube")


@pytest.mark.parametrize(
    "words",
    [
        ["preflight", "--gc", "distribution-2", "--storage", "s3://"],
        ["preflight", "--gc", "distribution-2", "--storage", "http://bucket"],
        ["facts", "export", KNOWN, "--to", "gs://"],
        ["capacity", "--facts", "bucket://x"],
        ["explain", KNOWN],
    ],
)
def test_what_is_no_place_or_no_image_is_refused(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == USAGE

    (line,) = capsys.readouterr().err.splitlines()
    assert "not an address such as s3://bucket" in line or "use check for registries" in line
