"""What typed words mean: an image, or a registry?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.cli import _parser
from exporter.commands import Refused
from exporter.commands.subjects import asked_for, platforms, read, with_file
from exporter.facts.use import ReferenceClass, Use
from exporter.oci.platform import Platform
from exporter.oci.reference import Reference
from exporter.ports import Listing

if TYPE_CHECKING:
    from pathlib import Path

ANY: frozenset[Platform] = frozenset()


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("registry.example.com", "registry.example.com"),
        ("https://registry.example.com/", "registry.example.com"),
        ("localhost:5000", "localhost:5000"),
        ("127.0.0.1:5000", "127.0.0.1:5000"),
        ("[::1]:5000", "[::1]:5000"),
        ("Registry.Example.com", "registry.example.com"),
    ],
)
def test_a_host_alone_is_a_registry(text: str, host: str) -> None:
    subjects = read([text], ANY)

    assert subjects.registries == {host}
    assert subjects.uses.entries == ()


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("redis:7", "docker.io/library/redis:7"),
        ("redis", "docker.io/library/redis:latest"),
        ("registry.example.com/app", "registry.example.com/app:latest"),
        ("localhost:5000/team/app:v1", "localhost:5000/team/app:v1"),
        (f"r.io/app@sha256:{'a' * 64}", f"r.io/app@sha256:{'a' * 64}"),
    ],
)
def test_everything_else_is_an_image_as_docker_reads_it(text: str, full: str) -> None:
    subjects = read([text], ANY)

    assert [str(use.reference) for use in subjects.uses.entries] == [full]
    assert subjects.registries == frozenset()
    assert subjects.hosts == {full.partition("/")[0]}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--tags", ""], "--tags: not a pattern (letters"),
        (["--exclude-tags", "v("], "--exclude-tags: not a pattern (letters"),
        (["--refs", "{file}"], "--refs {file}: contains no image"),
        (["--refs", "{odd}"], "contains no image; {odd}:1: not a repository name: 'A'"),
    ],
)
def test_what_names_nothing_is_refused_and_not_passed_over(
    tmp_path: Path, words: list[str], told: str
) -> None:
    files = {"file": tmp_path / "refs.txt", "odd": tmp_path / "odd.txt"}
    files["file"].write_text("# nothing yet\n")
    files["odd"].write_text("r.io/A:v1\n")
    typed = [each.format(**files) for each in words]

    with pytest.raises(Refused) as refused:
        asked_for(_parser().parse_args(["check", *typed]))

    assert told.format(**files) in str(refused.value)


@pytest.mark.parametrize(
    "text", ["r.io/App:v1", "r.io/app:", "r.io/app@sha256:1", "a b", "", "r.é:5000"]
)
def test_what_is_neither_is_refused_by_name(text: str) -> None:
    with pytest.raises(Refused, match="give host/repository:tag, or a host"):
        read([text], ANY)


def test_platforms_are_required_of_every_image_that_was_typed() -> None:
    wanted = platforms(["linux/arm64/v8", "linux/x86_64"])

    subjects = read(["r.io/app:v1"], wanted)

    assert wanted == {Platform("linux", "arm64"), Platform("linux", "amd64")}
    assert [use.platforms for use in subjects.uses.entries] == [wanted]


def test_a_platform_that_is_none_is_refused() -> None:
    with pytest.raises(Refused, match="--platform: not a platform"):
        platforms(["arm64"])


def test_a_file_of_images_adds_to_what_was_typed_and_its_bad_lines_are_gaps(tmp_path: Path) -> None:
    file = tmp_path / "images.txt"
    file.write_text("other.io/app:v2  # a comment\nNOT AN IMAGE\n")

    subjects = with_file(read(["r.io/app:v1"], ANY), file, ANY)

    assert subjects.hosts == {"r.io", "other.io"}
    assert [gap.subject for gap in subjects.uses.gaps] == [f"{file}:2"]


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="--refs"):
        with_file(read([], ANY), tmp_path / "none.txt", ANY)


def test_an_image_matters_as_much_as_its_users_say_and_uses_of_others_are_left_aside() -> None:
    subjects = read(["r.example/app:v1"], frozenset()).by_their_users()
    texts = ("app:v1", "app:v2", "other:v1", f"app:v1@sha256:{'0' * 64}")
    users = Listing(
        tuple(
            Use("somebody", Reference.parse(f"r.example/{text}"), ReferenceClass.LIVE)
            for text in texts
        )
    )

    kept = subjects.with_uses(users).entries

    assert [(str(use.reference), use.reference_class.value) for use in kept] == [
        ("r.example/app:v1", "selected"),
        ("r.example/app:v1", "live"),
    ]
