"""Which credentials does a kubeconfig's plugin give, within the time that it may take?"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from exporter.facts.gap import Reason
from exporter.sources import Unseen

_LONGEST: Final = 1_048_576
"""Bytes of its answer; who prints more is not waited for."""


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
        """Return its `status`: a `token`, `clientCertificateData` with `clientKeyData`, or both.

        Raises `Unseen`. What it printed is never repeated: it may hold the secret.
        """
        program = str(self.spec.get("command") or "")
        printed = self._run(program)
        try:
            document = json.loads(printed)
            status = document["status"]
            told = {key: str(value) for key, value in status.items() if value is not None}
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
            raise _failed(program, "its response is not an ExecCredential") from error
        if document.get("apiVersion") != self.spec.get("apiVersion"):
            raise _failed(program, "its response has another apiVersion than requested")
        if "token" not in told and not {"clientCertificateData", "clientKeyData"} <= told.keys():
            raise _failed(
                program, "its response has neither a token nor a certificate with its key"
            )
        return told

    def _run(self, program: str) -> bytes:
        arguments = [str(each) for each in self.spec.get("args") or ()]
        try:
            process = subprocess.Popen(  # noqa: S603 - the kubeconfig names what to run, as for kubectl
                [program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=self.folder,
                env=self._environment(),
                start_new_session=True,  # so that what it starts ends with it
            )
        except (OSError, ValueError) as error:
            raise _failed(
                program, getattr(error, "strerror", None) or "cannot be started"
            ) from error
        try:
            printed = _printed(process, self.patience)
        except subprocess.TimeoutExpired as error:
            raise _failed(program, f"silent for {self.patience:g} seconds") from error
        finally:
            _end(process)
        if len(printed) > _LONGEST:
            raise _failed(program, f"its response has more than {_LONGEST} bytes")
        if process.returncode:
            raise _failed(program, f"ended with code {process.returncode}")
        return printed

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


def _printed(process: subprocess.Popen[bytes], patience: float) -> bytes:
    """Read what it prints until it ends, or a little more than it may print.

    Raises `TimeoutExpired`.
    """
    end = time.monotonic() + patience
    printed = bytearray()
    out = process.stdout.fileno() if process.stdout else -1
    with selectors.DefaultSelector() as ready:
        ready.register(out, selectors.EVENT_READ)
        while len(printed) <= _LONGEST:
            if not ready.select(max(0.0, end - time.monotonic())):
                raise subprocess.TimeoutExpired(process.args, patience)
            chunk = os.read(out, _LONGEST)
            if not chunk:
                process.wait(max(0.0, end - time.monotonic()))
                break
            printed += chunk
    return bytes(printed)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of it, and let go of its pipe without waiting for who else holds it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()


def _failed(program: str, detail: str) -> Unseen:
    return Unseen(program[:100], Reason.CREDENTIALS, detail)
