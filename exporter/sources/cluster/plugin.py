"""Which credentials does a kubeconfig's plugin give, within the time that it may take?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.program import Program


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

        Call it in a thread: it takes as long as the plugin does. Raises `Unseen`,
        which never repeats what it printed: it may hold the secret.
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
        arguments = (str(each) for each in self.spec.get("args") or ())
        ended = asyncio.run(
            Program(
                (program, *arguments),
                self.patience,
                folder=self.folder,
                environ=self._environment(),
            ).run()
        )
        if ended.code:
            raise _failed(program, f"exited with code {ended.code}")
        return ended.printed

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


def _failed(program: str, detail: str) -> Unseen:
    return Unseen(program[:100], Reason.CREDENTIALS, detail)
