"""Which credentials does a kubeconfig's plugin give, within the time that it may take?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from exporter.facts.gap import Reason
from exporter.sources import Unseen

_LONGEST: Final = 1_048_576
"""Characters of its answer."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """The `exec` section of a kubeconfig's user (client.authentication.k8s.io).

    The official client would wait for it for ever, and go on without credentials where it fails.
    """

    spec: Mapping[str, Any]
    cluster: Mapping[str, Any]
    """The kubeconfig's cluster, for a plugin that wants to know it."""
    folder: Path
    """Of the kubeconfig: a relative command starts there."""
    environ: Mapping[str, str]
    patience: float
    """Seconds that it may take."""

    def ask(self) -> dict[str, str]:
        """Return its `status`: a `token`, or `clientCertificateData` with `clientKeyData`.

        Raises `Unseen`. What it printed is never repeated: it may hold the secret.
        """
        program = str(self.spec.get("command") or "")
        printed = self._run(program)
        try:
            document = json.loads(printed)
            status = document["status"]
            told = {key: str(value) for key, value in status.items() if value is not None}
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
            raise _failed(program, "its answer is no ExecCredential") from error
        if document.get("apiVersion") != self.spec.get("apiVersion"):
            raise _failed(program, "its answer is of another apiVersion than it was asked for")
        if "token" not in told and not {"clientCertificateData", "clientKeyData"} <= told.keys():
            raise _failed(program, "its answer has neither a token nor a certificate with its key")
        return told

    def _run(self, program: str) -> str:
        arguments = [str(each) for each in self.spec.get("args") or ()]
        try:
            process = subprocess.Popen(  # noqa: S603 - the kubeconfig names what to run, as for kubectl
                [program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=self.folder,
                env=self._environment(),
                text=True,
                start_new_session=True,  # so that what it starts ends with it
            )
        except (OSError, ValueError) as error:
            raise _failed(
                program, getattr(error, "strerror", None) or "cannot be started"
            ) from error
        try:
            printed, _ = process.communicate(timeout=self.patience)
        except subprocess.TimeoutExpired as error:
            raise _failed(program, f"silent for {self.patience:g} seconds") from error
        except UnicodeDecodeError as error:
            raise _failed(program, "its answer is not text") from error
        finally:
            _end(process)
        if process.returncode:
            raise _failed(program, f"ended with code {process.returncode}")
        return printed[:_LONGEST]

    def _environment(self) -> dict[str, str]:
        own = {str(each["name"]): str(each["value"]) for each in self.spec.get("env") or ()}
        asked: dict[str, Any] = {"interactive": False}
        if self.spec.get("provideClusterInfo"):
            asked["cluster"] = dict(self.cluster)
        information = {
            "apiVersion": self.spec.get("apiVersion"),
            "kind": "ExecCredential",
            "spec": asked,
        }
        return {**self.environ, **own, "KUBERNETES_EXEC_INFO": json.dumps(information)}


def _end(process: subprocess.Popen[str]) -> None:
    """Kill what is left of it, and let go of its pipe without waiting for who else holds it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()


def _failed(program: str, detail: str) -> Unseen:
    return Unseen(program[:100], Reason.CREDENTIALS, detail)
