"""Do a plugin's credentials arrive, and does nothing that it does stop the audit or leak?"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.cluster.access import exec_credentials
from tests.parts.process import PATIENCE, until

API = "client.authentication.k8s.io/v1"


def given(folder: Path, script: str, patience: float = PATIENCE, **spec: Any) -> dict[str, str]:
    made = {"apiVersion": API, "command": "/bin/sh", "args": ["-c", script], **spec}
    cluster = {"server": "https://k.example"}
    return exec_credentials(made, cluster, folder, dict(os.environ), patience)


def credential(**status: str) -> str:
    return json.dumps({"apiVersion": API, "kind": "ExecCredential", "status": status})


def test_a_token_is_taken_with_the_plugins_own_variables(tmp_path: Path) -> None:
    script = f"printf '%s' '{credential(token='T')}' | sed s/T/$WHO/"

    told = given(tmp_path, script, env=[{"name": "WHO", "value": "robot"}])

    assert told == {"token": "robot"}


def test_a_plugin_may_be_told_the_cluster_and_that_nobody_is_there_to_answer(
    tmp_path: Path,
) -> None:
    script = f"printf %s \"$KUBERNETES_EXEC_INFO\" > asked; echo '{credential(token='T')}'"

    given(tmp_path, script, provideClusterInfo=True)

    asked = json.loads((tmp_path / "asked").read_text())
    assert asked["spec"] == {"interactive": False, "cluster": {"server": "https://k.example"}}
    assert asked["apiVersion"] == API


@pytest.mark.parametrize(
    ("script", "detail"),
    [
        ("echo secret >&2; exit 7", "exited with code 7"),
        ("echo secret", "its response is not an ExecCredential"),
        ("echo '[1]'", "its response is not an ExecCredential"),
        (f"echo '{credential()}'", "neither a token nor a certificate"),
        (f"echo '{credential(clientCertificateData='x')}'", "neither a token nor a certificate"),
        (f"echo '{credential(token='secret')}' | sed s,/v1,/v2,", "another apiVersion"),
        (r"printf '\377'", "its response is not an ExecCredential"),
        ("yes secret", "more than 1048576 bytes"),
    ],
)
def test_a_plugin_that_fails_is_told_without_what_it_printed(
    tmp_path: Path, script: str, detail: str
) -> None:
    with pytest.raises(Unseen) as unseen:
        given(tmp_path, script)

    assert unseen.value.reason is Reason.CREDENTIALS
    assert detail in unseen.value.detail
    assert "secret" not in str(unseen.value)


def test_a_plugin_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unseen, match="No such file"):
        given(tmp_path, "", command="./absent", args=None)


def test_a_plugin_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    child = f"{sys.executable} -c 'import time; time.sleep(6000)'"
    told = tmp_path / "child"
    patience = 0.5
    while not told.exists() or not told.read_text().strip():  # it may need long to start one
        with pytest.raises(Unseen, match="timed out after"):
            given(tmp_path, f"{child} & echo $! > child; wait", patience)
        patience *= 4

    process = Path("/proc", told.read_text().strip(), "cmdline")

    def ended() -> bool:
        try:
            return not process.read_bytes()
        except OSError:
            return True

    until(ended, "the child has ended")
