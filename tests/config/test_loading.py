"""Is every mistake in a configuration told with its line and the way out, and never by a crash?"""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.loading import Misconfigured, load, parse
from exporter.config.registry import RegistrySettings
from exporter.config.values import HostPort, ImagePattern
from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import Role
from exporter.facts.use import ReferenceClass
from exporter.oci.platform import Platform

if TYPE_CHECKING:
    from exporter.config.settings import Settings

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")

WHOLE = """\
route_prefix: /registry-audit/
external_url: https://audit.example.com/pull/
listen: ["127.0.0.1:9999", ":10470", "[::1]:0"]
interval: 1h30m
max_staleness: 2d
confirm_after: 500ms
log_level: debug
metrics: {tags: 5, problems: 0}
registries:
  - url: https://Registry.Example.com:5000/
    name: main
    aliases: [Registry.internal, registry-1.docker.io]
    require: [linux/x86_64, linux/arm64/v8]
    collector: distribution-2
    username: reader
    password_env: REGISTRY_PASSWORD
    requests_per_second: 20
    timeout: 5s
    repositories: {catalog: false, only: ["team/*"], leave_out: ["*/tmp-?"], listed: [team/app]}
    tags: {latest: [latest, "v[0-9]*"], select: ["*"], leave_out: ["*-rc"], limit: 10}
    interval: 5m
  - url: http://mirror:5000
    plain_http: true
    role: sparse
    platforms: [linux/amd64]
references:
  - file: live.txt
    platforms: [linux/amd64]
  - images: ["registry.example.com:5000/team/*:v*"]
    class: idle
"""


def settings(text: str, **environ: str) -> Settings:
    return parse(text.encode(), environ)


def faults(text: str | bytes, **environ: str) -> list[str]:
    body = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(Misconfigured) as caught:
        parse(body, environ, Path("/etc/pullproof.yml"))
    return [line.removeprefix("/etc/pullproof.yml: ") for line in str(caught.value).splitlines()]


def test_a_registry_is_all_that_must_be_said() -> None:
    found = settings("registries: [{url: https://registry.example.com}]")

    assert found.registries == (RegistrySettings(url="https://registry.example.com"),)
    assert (found.interval, found.ledger) == (timedelta(minutes=15), None)
    assert found.listen == (HostPort("", 10470),)


def test_what_is_written_is_what_is_set() -> None:
    found = settings(WHOLE, REGISTRY_PASSWORD="x")
    main, mirror = found.registries
    file, images = found.references

    assert found.listen == (HostPort("127.0.0.1", 9999), HostPort("", 10470), HostPort("::1", 0))
    assert (found.route_prefix, found.external_url) == (
        "/registry-audit",
        "https://audit.example.com/pull",
    )
    assert found.interval == timedelta(hours=1, minutes=30)
    assert found.confirm_after == timedelta(milliseconds=500)
    assert (found.metrics.tags, found.metrics.problems) == (5, 0)
    assert main.url == "https://registry.example.com:5000"
    assert main.hosts == {"registry.example.com:5000", "registry.internal", "docker.io"}
    assert (main.label, mirror.label) == ("main", "mirror:5000")
    assert main.require == (AMD64, ARM64)
    assert (main.collector, mirror.collector) == (Collector.DISTRIBUTION_2, None)
    assert (main.requests_per_second, main.timeout) == (20, timedelta(seconds=5))
    assert main.repositories.listed == ("team/app",)
    assert main.tags.latest == ("latest", "v[0-9]*")
    assert main.interval == timedelta(minutes=5)
    assert (mirror.role, mirror.platforms) == (Role.SPARSE, (AMD64,))
    assert (file.reference_class, file.platforms) == (ReferenceClass.LIVE, (AMD64,))
    assert images.reference_class is ReferenceClass.IDLE
    assert images.images == (ImagePattern("registry.example.com:5000", "team/*", "v*"),)


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    (tmp_path / "web.yml").touch()
    path = tmp_path / "pullproof.yml"
    path.write_text("web_config_file: web.yml\nledger: /var/x\nregistries: [{url: https://a}]")

    found = load(path, {})

    assert found.web_config_file == tmp_path / "web.yml"
    assert found.ledger == Path("/var/x")


def test_every_mistake_is_told_at_once_with_its_line() -> None:
    assert faults(
        "intervall: 15m\n"
        "interval: 900\n"
        "registries:\n"
        "  - url: https://a\n"
        "    role: ownd\n"
        "    concurrency: 0\n"
        "    tags: {latest: [1.0]}\n"
        "  - uri: https://b\n"
        "references:\n"
        "  - {file: x, platforms: [linux]}\n"
    ) == [
        "line 1: intervall: unknown key; did you mean interval?",
        "line 2: interval: must be a duration such as 90s, 15m or 6h; give the unit",
        "line 5: registries[0].role: not one of the choices: 'ownd'; did you mean owned?",
        "line 6: registries[0].concurrency: must be at least 1",
        "line 7: registries[0].tags.latest[0]: must be text; put it in quotes",
        "line 8: registries[1].url: is missing",
        "line 8: registries[1].uri: unknown key; did you mean url?",
        "line 10: references[0].platforms[0]: not a platform (os/architecture[/variant]): 'linux'",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "registries: is missing"),
        ("[]", "line 1: must be a section of keys"),
        ("\ufeffregistries: []", "line 1: registries: at least one is needed"),
        ("registries:\nregistries: []", "line 2: registries: given twice, first on line 1"),
        ("log_level: !!int ''", "line 1: log_level: not the number or truth value"),
        ("log_level: !!float _", "line 1: log_level: not the number or truth value"),
        ("log_level: 0x" + "f" * 50, "line 1: log_level: not the number or truth value"),
        ("log_level: 1" + ":59" * 20, "line 1: log_level: not the number or truth value"),
        ("registries: [{url: https://a}]\nlisten: []", "line 2: listen: at least one is needed"),
        (
            "interval: 1m\nregistries: [{url: https://a}]\ninterval: 1m",
            "line 3: interval: given twice",
        ),
        ("registries: ! x", "line 1: registries: a tag ('!'); omit it"),
        ("registries: *all", "line 1: registries: an alias (*name); write it out"),
        ("registries: !!python/object:os.system {}", "line 1: registries: a tag"),
        ("a: b: c", "line 1: not YAML: mapping values are not allowed in this context"),
        ("registries:\n\t- x", "line 2: not YAML: found character that cannot start any token"),
        ("x: 1\n--- {}\n", "line 2: a second document begins; one file holds one"),
        ("x: 1\n? [y]\n: z", "line 2: a key is not text"),
        ("[" * 100_000, "line 1: too deeply nested"),
        ("x: [" + "1," * 60_000 + "]", "line 1: too deeply nested, or too many values"),
        (b"x: 1\ny: \xff\xfe", "line 2: not UTF-8 text"),
        (b"\x7fELF\x00\x00", "line 1: a control character, so not a text file"),
        ('x: "\\ud800"', "line 1: not YAML: found invalid Unicode character escape code"),
    ],
)
def test_what_is_no_configuration_at_all_is_told_in_one_line(text: str | bytes, told: str) -> None:
    assert faults(text)[0].startswith(told)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("url: http://a", "url: http without TLS needs plain_http: true"),
        ("url: https://a, plain_http: true", "plain_http: needs an address that begins with http"),
        ("url: https://a/v2", "url: a registry has no path: only https://host[:port]"),
        ("url: a", "url: not an address such as https://registry.example.com: 'a'"),
        ("url: 'https://a b'", "url: not a registry host: 'a b'"),
        ("url: 'https://[x'", "url: not a registry host: '[x'"),
        ("url: https://a:65536", "url: a port is a number from 1 to 65535"),
        ("url: ftp://a", "url: not an address such as https://registry.example.com"),
        ("url: https://a, role: sparse", "platforms: belongs to role: sparse, which needs it"),
        ("url: https://a, platforms: [linux/arm64]", "platforms: belongs to role: sparse"),
        ("url: https://a, collector: unknown", "collector: unknown is the default"),
        ("url: https://a, collector: true", "collector: not one of the choices: True"),
        ("url: https://a, key_file: /etc/hostname", "key_file: needs certificate_file"),
        ("url: http://a, plain_http: true, ca_file: /etc/hostname", "ca_file: has no effect over"),
        ("url: https://a, ca_file: /no/such", "ca_file: no such file: /no/such"),
        ("url: https://a, ca_file: /etc", "ca_file: not a file: /etc"),
        ("url: https://a, ca_file: /etc/hostname", "ca_file: /etc/hostname: no certificate"),
        (
            "url: https://a, certificate_file: /etc/hostname",
            "certificate_file: /etc/hostname: no certificate, or not the key to it",
        ),
        ("url: https://a, ca_file: ''", "ca_file: not a path"),
        ('url: https://a, ca_file: "a\\0b"', "ca_file: not a path"),
        ("url: https://a, password_env: A", "password_env: needs username"),
        ("url: https://a, identity_token_env: A", "identity_token_env: its value is empty"),
        ("url: https://a, username: u", "username: needs password_file or password_env"),
        ("url: https://a, username: u, docker_config: x", "username: needs password_file or"),
        ("url: https://a, docker_config: x, identity_token_env: A", "docker_config: not together"),
        ("url: https://a, username: u, username_env: U", "username_env: not together with user"),
        ("url: https://a, timeout: 1ms", "timeout: must be at least 100ms"),
        (
            "url: https://a, timeout: 15x",
            "timeout: not a duration such as 90s, 15m or 1h30m: '15x'",
        ),
        ("url: https://a, requests_per_second: .inf", "requests_per_second: must be a number that"),
        ("url: https://a, requests_per_second: 0", "requests_per_second: must be more than 0"),
        ("url: https://a, tries: 1.5", "tries: must be a whole number"),
        ("url: https://a, plain_http: !!bool x", "plain_http: not the number or truth value"),
        ("url: https://a, tries: !!int x", "tries: not the number or truth value that it claims"),
        ("url: https://a, aliases: b", "aliases: must be a list: [one, two]"),
        ("url: https://a, tags: {select: ['^v.*$']}", "tags.select[0]: not a pattern (letters"),
        ("url: https://a, repositories: {listed: [Team]}", "repositories.listed[0]: not a repos"),
        ("url: https://a, scrub: {read_from: storage}", "scrub.read_from: storage needs the regi"),
        ("url: https://a, role: proxy, scrub: {}", "scrub: is not for role: proxy"),
        ("url: https://a, role: proxy, events: {token_file: /x}", "events: is not for role: proxy"),
        ("url: https://a, events: {}", "events.token_file: is missing"),
        (
            "url: https://a, role: proxy, parts: [{repositories: [x], role: owned}]",
            "parts: not with role: proxy: name the proxied repositories here",
        ),
        (
            "url: https://a, parts: [{repositories: [x], role: sparse}]",
            "parts[0].platforms: belongs to role: sparse",
        ),
        ("url: https://a, parts: [{repositories: [], role: proxy}]", "parts[0].repositories: "),
        ("url: https://a, parts: [{repositories: [x]}]", "parts[0].role: "),
        ("url: https://a, scrub: {bytes_per_day: 1 lot}", "scrub.bytes_per_day: not a size such"),
        ("url: https://a, scrub: {bytes_per_day: 0}", "scrub.bytes_per_day: must be at least 1"),
        ("url: https://a, scrub: {period: 30s}", "scrub.period: must be at least 1m"),
        ("url: https://a, scrub: {read_from: disk}", "scrub.read_from: not one of the choices"),
        ("url: https://a, insecure: true", "insecure: use plain_http: true for http, or ca_file"),
        ("url: https://a, name: ''", "name: must not be empty"),
        (f"url: https://a, name: {'n' * 101}", "name: must have at most 100 characters"),
        ("url: https://a, ca_file: [x]", "ca_file: must be a path"),
        ("url: https://a, plain_http: 'no'", "plain_http: must be true or false"),
        ("url: https://a, requests_per_second: fast", "requests_per_second: must be a number"),
    ],
)
def test_what_does_not_go_together_is_told_with_the_way_out(keys: str, told: str) -> None:
    assert faults(f"registries: [{{{keys}}}]")[0].startswith(f"line 1: registries[0].{told}")


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("{}", "[0].file: either file or images is needed, and not both"),
        ("{file: x, images: ['a/b:c']}", "[0].file: either file or images is needed, and not"),
        ("{images: ['b/x:*']}", "[0].images: no registry is b"),
        ("{images: ['a/x']}", "[0].images[0]: not a pattern such as host/team/*:*, tag included"),
        ("{images: [7]}", "[0].images[0]: must be text; put it in quotes"),
        ("{file: x, class: lve}", "[0].class: not one of the choices: 'lve'; did you mean live?"),
        ("{file: x, reference_class: live}", "[0].reference_class: unknown key; "),
    ],
)
def test_references_are_checked(wanted: str, told: str) -> None:
    text = f"registries: [{{url: https://a}}]\nreferences: [{wanted}]"

    assert faults(text)[0].startswith(f"line 2: references{told}")


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("route_prefix: audit", "not a path such as /registry-audit: 'audit'"),
        ("route_prefix: '/a{b}'", "not a path such as /registry-audit: '/a{b}'"),
        ("route_prefix: /a/../b", "not a path such as /registry-audit: '/a/../b'"),
        ("listen: [':1', ':1']", ":1 is listed already"),
        (
            "external_url: 'javascript:alert(1)'",
            "not an address such as https://audit.example.com/pull",
        ),
    ],
)
def test_where_pages_are_and_lead_is_checked(key: str, told: str) -> None:
    assert told in faults(f"registries: [{{url: https://a}}]\n{key}")[-1]


def test_two_registries_may_not_share_a_name_or_a_host() -> None:
    same = "registries:\n- url: https://a\n- {url: https://b, "

    assert faults(same + "name: a}") == [
        "line 3: registries[1].name: a already names another registry"
    ]
    assert faults(same + "aliases: [A]}") == [
        "line 3: registries[1].aliases: a already names another registry"
    ]


def test_a_file_of_references_is_named_once_since_its_second_reading_would_be_lost(
    tmp_path: Path,
) -> None:
    file = tmp_path / "live.txt"
    file.touch()
    twice = f"references:\n- file: {file}\n- {{file: {file}, class: rollback}}"

    assert faults(f"registries: [{{url: https://a}}]\n{twice}") == [
        f"line 4: references[1].file: {file} is another entry's already"
    ]


@pytest.mark.parametrize(
    "keys",
    [
        "url: https://user:hunter2@a",
        "url: https://a, password: hunter2",
        "url: https://a, token: hunter2",
        "url: https://a, username: u, password_env: hunter-2",
        "url: https://a, username: u, password_env: hunter2",
        "url: https://a, username: u, password_file: [hunter2]",
    ],
)
def test_a_secret_in_the_wrong_place_is_refused_and_never_repeated(keys: str) -> None:
    told = "\n".join(faults(f"registries: [{{{keys}}}]"))

    assert "hunter" not in told
    assert "password" in told


def test_of_very_many_mistakes_the_first_are_told() -> None:
    told = faults("".join(f"k{number}: 1\n" for number in range(999)))

    assert len(told) == 51
    assert told[-1] == "and 950 more"


def test_what_looks_like_a_date_is_text() -> None:
    found = settings("registries: [{url: https://a, tags: {select: [2026-10-01, !!str 7]}}]")

    assert found.registries[0].tags.select == ("2026-10-01", "7")


def test_a_key_cannot_disturb_a_terminal() -> None:
    told = faults('"\\e[2J": 1')

    assert told[1].startswith(r"line 1: '\x1b[2J': unknown key; known: audit_deadline, clusters")


def test_a_file_that_is_not_there_or_too_large_is_told(tmp_path: Path) -> None:
    large = tmp_path / "large.yml"
    large.write_bytes(b"# " * 600_000)

    with pytest.raises(Misconfigured, match=r"no\.yml: cannot be read: No such file or directory"):
        load(tmp_path / "no.yml", {})
    with pytest.raises(Misconfigured, match="cannot be read: Is a directory"):
        load(tmp_path, {})
    with pytest.raises(Misconfigured, match=r"more than 1 MiB; is it the right file\?"):
        load(large, {})


@given(st.integers(0, len(WHOLE) - 1), st.characters() | st.sampled_from("\t\n:-#[]{}'\"&*!%?"))
def test_one_wrong_character_never_ends_in_a_traceback(at: int, other: str) -> None:
    for text in (WHOLE[:at] + other + WHOLE[at + 1 :], WHOLE[:at] + WHOLE[at + 1 :]):
        with contextlib.suppress(Misconfigured):
            parse(text.encode("utf-8", "surrogatepass"), {})


@given(st.binary(max_size=300))
def test_no_bytes_end_in_a_traceback(body: bytes) -> None:
    with pytest.raises(Misconfigured):
        parse(body, {})


@pytest.mark.parametrize("tag", ["int", "float", "bool", "null"])
@given(text=st.text(st.sampled_from("-+.:_0x1e'\" "), max_size=6))
def test_a_text_that_is_not_of_its_tag_is_a_fault_and_no_exception(tag: str, text: str) -> None:
    quoted = text.replace("'", "''")

    with pytest.raises(Misconfigured):
        parse(f"interval: !!{tag} '{quoted}'\nno: 1\n".encode(), {})
