"""Mistakes that people make: each is one line that says what is wrong and what to do."""

from __future__ import annotations

import datetime as dt
import gzip
import re
import shlex
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from exporter.cli import main
from tests.golden import golden
from tests.parts.certificates import authority
from tests.parts.counting import Counting
from tests.parts.http import RESET, Answer, Asked, serving
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from pathlib import Path

GOOD: Final = "registries: [{url: 'https://r.example', name: main}]\n"
FILES: Final = {
    "good.yml": GOOD,
    "typo.yml": "regstries: []\n",
    "tab.yml": "registries:\n\t- url: x\n",
    "unit.yml": f"{GOOD}interval: 15\n",
    "http.yml": "registries: [{url: 'http://r.example'}]\n",
    "twice.yml": "registries: [{url: 'https://r.example'}, {url: 'https://r.example'}]\n",
    "role.yml": "registries: [{url: 'https://r.example', role: mirrored}]\n",
    "ledger.yml": f"{GOOD}ledger: nowhere/ledger.db\n",
    "secret.yml": "registries: [{url: 'https://r.example', username: u, password_file: none}]\n",
    "empty": "",
    "path.yml": "registries: [{url: 'https://r.example/team'}]\n",
    "port.yml": "registries: [{url: 'r.example:5000'}]\n",
    "prefix.yml": "registries: [{url: 'docker://r.example'}]\n",
    "upper.yml": "registries: [{url: 'https://r.example', tags: {select: ['[']}}]\n",
    "nested.yml": "registries: [{url: 'https://r.example', tags: {selct: ['*']}}]\n",
    "list.yml": "- url: https://r.example\n",
    "text.yml": "registries: https://r.example\n",
    "settings.toml": '[[registries]]\nurl = "https://r.example"\n',
    "settings.json": '{"registries": [{"url": "https://r.example",}',
    "tilde.yml": "registries: [{url: 'https://r.example', ca_file: ~/ca.pem}]\n",
    "unset.yml": "registries: [{url: 'https://r.example', username: u, password_file: $PW}]\n",
    "lines.yml": "registries: [{url: 'https://r.example', username: u, password_file: empty}]\n",
    "stranger.yml": f"{GOOD}ledger: good.yml\n",
    "folder.yml": f"{GOOD}ledger: folder\n",
    "ipv6.yml": "registries: [{url: 'https://[1:2]'}]\n",
    "facts.yml": f"{GOOD}facts: {{path: good.yml}}\n",
    "kube.yml": f"{GOOD}clusters: [{{context: elsewhere}}]\n",
    "login.yml": "registries: [{url: 'https://r.example', docker_config: images.txt}]\n",
    "helper.yml": "registries: [{url: 'https://r.example', docker_config: helper.json}]\n",
    "helper.json": '{"credsStore": "none-such"}\n',
    "images.json": '{"image": "r.example/app:v1"}\n',
    "dotless.yml": "registries: [{url: 'https://registry:5000', name: prod/eu}]\n",
    "two.yml": "registries: [{url: 'https://r.example'}, {url: 'https://s.example'}]\n",
    "images.txt": "docker://r.example/app:v1\n",
}
PACKED: Final = {
    "utf-16.yml": GOOD.encode("utf-16"),
    "latin-1.yml": GOOD.replace("main", "caf\u00e9").encode("latin-1"),
    "utf-16.txt": "r.example/app:v1\n".encode("utf-16"),
    "other.snapshot": gzip.compress(b"pullproof snapshot of another version\n"),
    "image.zip": b"PK\x03\x04\x00\x00",
}
MISTAKES: Final = """
chek x
check --plain-htp r.example
check -o jsn r.example
check --output
check
check R.Example/App:v1
check r.example/app:
check r.example/app@sha256:123
check --refs none.txt
check --config none.yml
check --config typo.yml
check --config tab.yml
check --config unit.yml
check --config http.yml
check --config twice.yml
check --config role.yml
check --config secret.yml
check --config good.yml mian/app:v1
check --config good.yml --insecure r.example
check --username me r.example
check --platform amd64 r.example
check --timeout 5 r.example
check --concurrency many r.example
check --ca-file none.pem r.example
check --insecure --ca-file empty r.example
check --from none
check --from empty
check localhost:1
check nosuch.invalid
check http://localhost:1
check http://localhost:1 r.example
inspect
inspect a b
explain sha256:123
snapshot r.example
diff good.yml
diff empty empty
preflight --storage none --gc distribution-2
preflight --gc distribution-4 --storage .
preflight --storage . --from empty
protect --prefix /x r.example
scrub --limit-rate fast r.example
facts exprt
facts export r.example
capacity
serve
serve --config ledger.yml --check-config
serve --config good.yml --shard 4/4
serve --config good.yml --shard one
check docker://r.example/app:v1
check oci://r.example/app:v1
check https://r.example/v2/
check https://r.example/v2/app/manifests/v1
check r.example:abc/app:v1
check r.example:99999/app:v1
check ::1:5000/app:v1
check me:secret@r.example/app:v1
check https://me:secret@r.example/app:v1
check r.example/team/App:v1
check r.example/app:v1:v2
check r.example/app@v1
check r.example/a:1,r.example/b:1
check ./good.yml
check ~/good.yml
check http://
check nosuch.invalid/app:v1
check localhost:1/app:v1 localhost:1/app:v2
check nosuch.invalid/app:v1@sha256:4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a
check --tags [ r.example
check --timeout -1s r.example
check --password secret r.example
check --config folder
check --config settings.toml
check --config settings.json
check --config utf-16.yml
check --config latin-1.yml
check --config empty
check --config list.yml
check --config text.yml
check --config nested.yml
check --config path.yml
check --config port.yml
check --config prefix.yml
check --config upper.yml
check --config tilde.yml
check --config unset.yml
check --config lines.yml
check --refs folder
check --refs images.json
check --refs images.txt
check --refs utf-16.txt
check --from other.snapshot
check --from image.zip
check --from folder
check --save folder localhost:1
check --ca-file folder r.example
check --ca-file good.yml r.example
snapshot r.example x.snapshot
snapshot x.snapshot r.example/app:v1
snapshot x.snapshot localhost:1
preflight --storage folder --gc distribution-2
preflight --storage good.yml --gc distribution-2
protect localhost:1
repair localhost:1/app:v1
repair r.example/app:v1 --source oci:folder
repair r.example/app:v1 --source oci-archive:image.zip
scrub localhost:1
explain localhost:1/app:v1
inspect localhost:1/app:v1
facts export localhost:1 --to folder
facts export localhost:1 --to good.yml
capacity --facts nowhere
demo --listen 80
serve -c good.yml
serve --config stranger.yml --check-config
serve --config folder.yml --check-config
--config good.yml check
--verison
help check
check ''
check --config ''
check --refs '' r.example
check --tags '' r.example
check --platform '' r.example
check --username '' --password-stdin r.example
check --timeout '' r.example
check --save '' localhost:1
repair localhost:1/app:v1 --cause ''
repair localhost:1/app:v1 --source ''
repair localhost:1/app:v1 --push-docker-config folder
repair localhost:1/app:v1 --push-docker-config image.zip
preflight --storage '' --gc distribution-2
preflight --storage folder --delete ''
preflight --storage s3://bucket --endpoint nope --gc distribution-2
protect localhost:1 --prefix ''
facts export localhost:1 --to ''
facts export localhost:1 --to s3://
facts export localhost:1 --to folder --keep 0
demo --folder ''
demo --folder folder
check 'r.example/app:v1\\n'
check 'r.example/\\x1b[31mapp:v1'
check 'r.example/\\u00e4pp:v1'
check 'b\\u00fccher.example/app:v1'
check '[1:2]/app:v1'
check LONG.example
check r.example/LONG:v1
check --concurrency -1 r.example
check --concurrency 99999999999999999999 r.example
check --requests-per-second nan r.example
check --timeout 1e9h r.example
check --docker-config folder r.example
check --docker-config image.zip r.example
serve --config helper.yml --check-config
check --kube elsewhere r.example
check --config good.yml --config empty
check -- -x
serve --config ipv6.yml --check-config
serve --config facts.yml --check-config
serve --config kube.yml --check-config
serve --config login.yml --check-config
scrub localhost:1/app:v1 --ledger folder
scrub localhost:1/app:v1 --limit-rate 0
snapshot '' localhost:1
schema nothing
completion tcsh
check registry:5000 --config dotless.yml --save folder
check other --config dotless.yml
check https://r.example/team/
check r.example/team/app/
check r.example --save nowhere/file
check --config two.yml --save file
snapshot folder localhost:1
snapshot nowhere/file localhost:1
check --from empty --refs images.txt
inspect --from empty r.example/app:v1 --platform linux/amd64
protect --from empty --tags v1
""".strip().splitlines()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    for name, content in PACKED.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    def resolve(host: str, *more: object, **others: object) -> object:
        if host.endswith((".invalid", ".example")):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *more, **others)  # type: ignore[arg-type] # what was given is passed on

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def typed(word: str) -> str:
    """A word as it stands in the list."""
    escapes = {r"\n": "\n", r"\x1b": "\x1b", r"\u00e4": "\u00e4", r"\u00fc": "\u00fc"}
    for escape, meant in escapes.items():
        word = word.replace(escape, meant)
    return word.replace("LONG", "a" * 5000)


def test_mistakes_are_told_in_a_line_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told, unclear = [], []
    for mistake in MISTAKES:
        try:
            code = main(list(map(typed, shlex.split(mistake))))
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        lines = captured.err.splitlines()
        said = captured.err.replace(str(tmp_path), "FOLDER")
        plain = not captured.out and code in (2, 3) and 1 <= len(lines) <= 2
        if not plain or re.search(r"Traceback|Errno|Error:|internal error", said):
            unclear.append((mistake, code, captured.out[:200], said))
        told.append(f"$ pullproof {mistake}\n{code}: {said}")

    assert unclear == []
    golden("mistakes.txt", "\n".join(told))


PAGE: Final = Answer(200, b"<html>Please log in</html>", {"Content-Type": "text/html"})
PEERS: Final = {
    "a login page": PAGE,
    "a gateway without its registry": replace(PAGE, status=502),
    "a firewall": replace(PAGE, status=403),
    "a web server": replace(PAGE, status=404),
    "a redirect to a page": Answer(302, b"", {"Location": "/login"}),
    "a login without a way": Answer(401),
    "a login": Answer(401, b"", {"WWW-Authenticate": 'Basic realm="r"'}),
    "another API": Answer(200, b"{}", {"Content-Type": "application/json"}),
    "a port that speaks TLS": RESET,
}
ASKING: Final = (
    "check {}",
    "check {}/app:v1",
    "check {0}/app:v1 {0}/app:v2",
    "inspect {}/app:v1",
    "explain {}/app:v1",
    "scrub {}/app:v1",
    "protect {}",
    "repair {}/app:v1",
    "snapshot kept {}",
    "facts export {} --to kept",
)


@pytest.mark.parametrize("peer", PEERS)
def test_what_is_no_registry_is_told_in_a_line_by_every_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], peer: str
) -> None:
    with serving(lambda _: PEERS[peer]) as url:
        for command in ASKING:
            words = [*command.format(url).split(), "--confirm-after", "0s"]
            code = main(words)
            captured = capsys.readouterr()

            (line,) = captured.err.splitlines()
            assert (code, captured.out) == (3, ""), command
            assert url.removeprefix("http://") in line
            assert re.search(r"; |docker login", line), "no way out"
            assert "Error" not in line
    assert not (tmp_path / "kept").is_file(), "an empty snapshot took the place of another"


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_authorities_of_the_environment_that_do_not_exist_are_told_in_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for each in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(variable, "none.pem")
    for command in (
        *("check r.example s.example", "check --config good.yml", "inspect r.example/app:v1"),
        *("snapshot kept r.example", "serve --config good.yml --check-config"),
    ):
        assert main(command.split()) == 2, command

        captured = capsys.readouterr()
        (line,) = captured.err.splitlines()
        assert not captured.out
        assert line.startswith(f"pullproof: {variable}: none.pem: no such f")

    assert main(["check", "--insecure", "localhost:1"]) == 3
    assert main(["check", "http://localhost:1"]) == 3


def test_authorities_that_are_ignored_beside_others_are_one_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted = authority(tmp_path / "tls")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted.certificate))
    monkeypatch.setenv("SSL_CERT_DIR", "/none/a:/none/b")
    warning = "pullproof: warning: SSL_CERT_DIR: /none/a: no such folder"
    with serving(lambda _: PAGE, trusted.sign("server")) as url:
        for command in ("check {}", "repair {}/app:v1 --source {}/app:v2"):
            assert main([*command.format(url, url).split(), "--confirm-after", "0s"]) == 3
            first, *others = capsys.readouterr().err.splitlines()
            assert first.startswith(warning)
            assert "/none/b: no such folder" in first
            assert not [each for each in others if "SSL_CERT" in each or "certificate" in each]

    assert main(["serve", "--config", "good.yml", "--check-config"]) == 0
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith(warning)
    assert captured.out.endswith("valid; 1 warning\n")


def test_a_certificate_that_is_wrong_is_told_with_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trusted = authority(tmp_path / "tls")
    day = dt.timedelta(days=1)
    past, future = dt.datetime(2025, 1, 1, tzinfo=dt.UTC), dt.datetime(2090, 1, 1, tzinfo=dt.UTC)
    wrong = {
        "renew": trusted.sign("old", span=(past, past + day)),
        "correct the clock": trusted.sign("new", span=(future, future + day)),
        "use a name": trusted.sign("other", names=("other.example",)),
    }
    for way, pair in wrong.items():
        with serving(lambda _: PAGE, pair) as url:
            options = ["--ca-file", str(trusted.certificate), "--confirm-after", "0s"]
            for words in (["check", url], ["inspect", f"{url}/app:v1"]):
                assert main([*words, *options]) == 3
                (line,) = capsys.readouterr().err.splitlines()
                assert f"; {way}" in line


def test_images_of_a_registry_that_fail_for_several_causes_are_told_each(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def answer(asked: Asked) -> Answer:
        if asked.target == "/v2/":
            return Answer(200, b"{}", {"Docker-Distribution-Api-Version": "registry/2.0"})
        return replace(PAGE, status=403 if "/closed/" in asked.target else 502)

    with serving(answer) as url:
        code = main(
            ["check", f"{url}/closed/app:v1", f"{url}/open/app:v1", "--confirm-after", "0s"]
        )
        said = capsys.readouterr().out
        main(["check", f"{url}/closed/a:v1", f"{url}/closed/b:v1", "--confirm-after", "0s"])
        alike = capsys.readouterr().err

    assert ", 2 repositories: denied: 403; use a login that may read this" in alike
    assert code == 3
    assert "denied" in said
    assert "server-error" in said


def test_the_environment_of_a_proxy_that_is_none_is_a_mistake(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")

    assert main(["check", "r.example"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "pullproof: HTTPS_PROXY is not an http:// or https:// address"


def test_repair_of_a_mistyped_tag_says_that_it_is_not_found(
    capsys: pytest.CaptureFixture[str],
) -> None:
    registry = Counting("unknown")
    registry.push(two_platforms("app"), "v1")
    with registry.served() as host:
        for tags, told in (
            (["nope"], "1 tag not found; --source names an image to restore from"),
            (["no", "nope"], "2 tags not found; --source names an image to restore from"),
        ):
            names = [f"http://{host}/team/app:{each}" for each in tags]
            main(["repair", *names, "--confirm-after", "0s"])
            assert capsys.readouterr().out.splitlines()[0] == f"{host}: {told}"
