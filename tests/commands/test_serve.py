"""Is everything that a start would fall over told before, or else in one line?"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.cli import UNTOLD, USAGE, main

if TYPE_CHECKING:
    from tests.parts.certificates import Authority

ONE = "registries: [{url: 'https://registry.example.com'}]\n"


def checked(tmp_path: Path, text: str, *words: str) -> int:
    config = tmp_path / "pullproof.yml"
    config.write_text(text)
    return main(["serve", "--check-config", "--config", str(config), *words])


def test_registries_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(tmp_path, ONE) == 0

    assert capsys.readouterr().out.endswith("pullproof.yml: 1 registry, valid\n")


@pytest.mark.parametrize(
    ("web", "told"),
    [
        ("hello", "web.yml: must be a section of keys"),
        ("2024-13-45: x", "web.yml: 2024-13-45: unknown key"),
        ("basic_auth_users: {prom: !!int foo}", "web.yml: line 1: basic_auth_users.prom: not the"),
        (
            "tls_server_config: {cert_file: none.pem, key_file: none.pem}",
            "none.pem: No such file or directory",
        ),
    ],
)
def test_a_web_configuration_is_checked_with_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], web: str, told: str
) -> None:
    (tmp_path / "web.yml").write_text(web)

    assert checked(tmp_path, f"{ONE}web_config_file: web.yml\n") == USAGE

    assert told in capsys.readouterr().err


TLS = "web_config_file: web.yml\n"


@pytest.mark.parametrize(
    ("more", "address", "told"),
    [
        ("", "http://0.0.0.0:10470", ""),
        ("route_prefix: /audit/\n", "http://0.0.0.0:10470/audit", ""),
        ("listen: ['127.0.0.1:1', '[::]:10470']\n", "tcp://0.0.0.0:10470", ""),
        (TLS, "https://0.0.0.0:10470", ""),
        (TLS, "tcp://0.0.0.0:10470", ""),
        (TLS, "http://0.0.0.0:10470", "http: the web configuration has a tls_server_config"),
        ("", "https://0.0.0.0:10470", "https: the web configuration has no tls_server_config"),
        ("route_prefix: /audit\n", "http://0.0.0.0:10470", "path /: route_prefix is /audit"),
        ("", "http://0.0.0.0:10470/audit", "path /audit: route_prefix is /"),
        ("listen: [':9100']\n", "http://0.0.0.0:10470", "port 10470: listen is :9100"),
        ("listen: ['127.0.0.1:10470']\n", "tcp://0.0.0.0:10470", "listen is 127.0.0.1:10470"),
        ("", "0.0.0.0:10470", "not an address such as http://0.0.0.0:10470"),
        ("", "http://0.0.0.0:port", "not an address such as http://0.0.0.0:10470"),
    ],
)
def test_what_probes_would_not_find_is_refused(  # noqa: PLR0913, PLR0917 - what is written, asked, told
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    authority: Authority,
    more: str,
    address: str,
    told: str,
) -> None:
    pair = authority.sign("web")
    files = f"cert_file: '{pair.certificate}', key_file: '{pair.key}'"
    (tmp_path / "web.yml").write_text(f"tls_server_config: {{{files}}}")

    assert checked(tmp_path, ONE + more, "--probed-at", address) == (USAGE if told else 0)

    assert told in capsys.readouterr().err


def test_probes_have_no_certificate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], authority: Authority
) -> None:
    pair = authority.sign("web")
    files = f"cert_file: '{pair.certificate}', key_file: '{pair.key}'"
    clients = f"client_ca_file: '{authority.certificate}'"
    clients += ", client_auth_type: RequireAndVerifyClientCert"
    (tmp_path / "web.yml").write_text(f"tls_server_config: {{{files}, {clients}}}")

    assert checked(tmp_path, ONE + TLS, "--probed-at", "https://0.0.0.0:10470") == USAGE

    assert "https: the web configuration requires certificates" in capsys.readouterr().err
    assert checked(tmp_path, ONE + TLS, "--probed-at", "tcp://0.0.0.0:10470") == 0


def test_a_shard_is_checked_with_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(tmp_path, ONE, "--shard", "4/4") == USAGE

    assert "--shard: of 4 shards the last is 3/4" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "extra"),
    [
        ("facts: {path: facts}\n", "facts"),
        ("facts: {url: 's3://bucket'}\n", "facts"),
        (
            "registries: [{url: 'https://r.example.com', storage: {url: 's3://bucket'}}]\n",
            "s3",
        ),
    ],
)
def test_an_extra_that_is_asked_for_and_not_installed_is_told(
    tmp_path: Path, asked: str, extra: str
) -> None:
    (tmp_path / "obstore.py").write_text("raise ImportError")
    config = tmp_path / "pullproof.yml"
    config.write_text(asked if "registries" in asked else f"{ONE}{asked}")
    command = [sys.executable, "-m", "exporter", "serve", "--check-config", "--config", str(config)]

    told = subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"},
        check=False,
        capture_output=True,
        text=True,
    )

    assert told.returncode == USAGE, told.stderr
    assert f"pip install 'pullproof[{extra}]'" in told.stderr
    assert "Traceback" not in told.stderr


def test_an_address_that_is_taken_is_no_fault_of_the_configuration(tmp_path: Path) -> None:
    config = tmp_path / "pullproof.yml"
    command = [sys.executable, "-m", "exporter", "serve", "--config", str(config)]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config.write_text(f"{ONE}listen: ['127.0.0.1:{taken.getsockname()[1]}']\n")
        done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode == UNTOLD
    (line,) = done.stderr.splitlines()
    assert line.startswith("pullproof: ")
    assert "in use" in line


@pytest.mark.parametrize("usable", [True, False])
def test_authorities_that_are_ignored_are_one_line_of_the_log_and_no_refusal(
    tmp_path: Path, authority: Authority, *, usable: bool
) -> None:
    config = tmp_path / "pullproof.yml"
    command = [sys.executable, "-m", "exporter", "serve", "--config", str(config)]
    file = str(authority.certificate) if usable else str(tmp_path / "none.pem")
    variables = {"SSL_CERT_FILE": file, "SSL_CERT_DIR": "/none/a:/none/b"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config.write_text(f"{ONE}listen: ['127.0.0.1:{taken.getsockname()[1]}']\n")
        env = os.environ | variables
        done = subprocess.run(command, env=env, check=False, capture_output=True, text=True)

    assert done.returncode == UNTOLD, "the start went on, up to the address that is taken"
    first, last = done.stderr.splitlines()
    line = json.loads(first)
    assert "in use" in last
    assert (line["level"], line["message"]) == ("warning", "authorities are not trusted")
    told = ["SSL_CERT_FILE"] * (not usable) + ["SSL_CERT_DIR"] * 2
    assert [each.partition(":")[0] for each in line["cause"].split(". ")] == told


def test_a_start_with_a_wrong_web_configuration_is_refused_as_the_check_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "web.yml").write_text("basic_auth_users: {prom: !!int foo}")
    (tmp_path / "pullproof.yml").write_text(f"{ONE}web_config_file: web.yml\n")

    assert main(["serve", "--config", str(tmp_path / "pullproof.yml")]) == USAGE

    (line,) = capsys.readouterr().err.splitlines()
    assert "web.yml: line 1: basic_auth_users.prom: " in line


HUB_ENTRY = '{"auths": {"registry.example.com": {"auth": "%s"}}}'
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: u, user: {exec: {command: touch, args: [ran], apiVersion: v1}}}]
"""


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "docker.json: not JSON"),
        ("[]", "docker.json: not a JSON object"),
        (None, "docker.json: Permission denied"),
        (HUB_ENTRY % "%%", "docker.json: 'registry.example.com': auth is not valid base64"),
        ('{"credsStore": "none-such"}', "docker.json: docker-credential-none-such: not installed"),
        (
            '{"credHelpers": {"registry.example.com/team": "none-such"}}',
            "docker.json: docker-credential-none-such: not installed",
        ),
        (
            '{"credHelpers": {"registry.example.com": "../x"}}',
            "not the name of a credential helper",
        ),
    ],
)
def test_a_docker_config_that_gives_no_login_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, told: str
) -> None:
    file = tmp_path / "docker.json"
    file.write_text(content or "{}")
    file.chmod(0 if content is None else 0o600)
    if content is None and os.access(file, os.R_OK):
        file.unlink()  # root may read everything, but no loop of links
        file.symlink_to(file)
        told = "docker_config: "

    named = ONE.replace("'}", "', docker_config: docker.json}")
    assert checked(tmp_path, named) == USAGE

    (line,) = capsys.readouterr().err.splitlines()
    assert "registries[0].docker_config: " in line
    assert told in line


def test_a_docker_config_for_other_registries_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "docker.json").write_text('{"auths": {"other.example": {"auth": "%%"}}}')

    named = ONE.replace("'}", "', docker_config: docker.json}")
    assert checked(tmp_path, named) == 0


@pytest.mark.parametrize(
    ("cluster", "content", "told"),
    [
        ("context: nowhere, ", KUBECONFIG, "nowhere: no context nowhere; known: here"),
        ("", KUBECONFIG.replace("cluster: c,", "cluster: d,"), "no cluster d; known: c"),
        ("", KUBECONFIG.replace("user: u}", "user: v}"), "no user v; known: u"),
        ("", "{", "the kubeconfig cannot be used"),
        ("", "[]", "the kubeconfig cannot be used"),
        ("", "", "the kubeconfig cannot be used"),
    ],
)
def test_a_kubeconfig_without_the_context_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], cluster: str, content: str, told: str
) -> None:
    (tmp_path / "kubeconfig").write_text(content)

    assert checked(tmp_path, f"{ONE}clusters: [{{{cluster}kubeconfig: kubeconfig}}]\n") == USAGE

    (line,) = capsys.readouterr().err.splitlines()
    assert "clusters[0]: " in line
    assert told in line


def test_the_plugin_of_a_kubeconfig_is_not_run_by_a_check(tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)

    assert checked(tmp_path, f"{ONE}clusters: [{{kubeconfig: kubeconfig}}]\n") == 0

    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("references: [{file: none.txt}]", "none.txt: No such file or directory"),
        ("references: [{file: .}]", "not a file"),
        ("references: [{file: list.yaml}]", "list.yaml: not a list of references"),
        ("references: [{file: list.txt}]", "list.txt:2: "),
        ("storage: {path: nowhere}", "registry.example.com: storage.path: "),
        ("clusters: [{in_cluster: true}]", "in-cluster: not in a pod of Kubernetes"),
    ],
)
def test_what_may_come_later_is_told_and_no_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: str, told: str
) -> None:
    (tmp_path / "list.yaml").write_text("a: b")
    (tmp_path / "list.txt").write_text("registry.example.com/app:1\nA/B\n")
    text = ONE.replace("'}", f"', {more}}}") if "storage" in more else f"{ONE}{more}\n"

    assert checked(tmp_path, text) == 0

    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert line.startswith("pullproof: warning: ")
    assert told in line
    assert said.out.endswith("1 registry, valid; 1 warning\n")


def test_an_export_that_a_start_would_fall_over_is_told_beside_other_faults(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()

    faulty = f"{ONE}facts: {{path: file/facts}}\nledger: nowhere/ledger\n"
    assert checked(tmp_path, faulty) == USAGE

    ledger, facts = capsys.readouterr().err.splitlines()
    assert "the ledger's folder does not exist" in ledger
    assert facts.endswith("/file: not a folder")
    assert not (tmp_path / "facts").exists()


def test_a_ledger_in_a_folder_that_cannot_be_written_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SQLite writes files beside it: a writable file alone is not enough."""
    assert checked(tmp_path, f"{ONE}ledger: /proc/self/comm\n") == USAGE

    (line,) = capsys.readouterr().err.splitlines()
    assert "/proc/self/comm" in line
