"""Commands as the reader of an answer has to type them."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from exporter.judge.report import Report
from exporter.publish.blocks import Command
from exporter.screen import plain

PLAIN_HTTP: Final = "--plain-http"
"""The option that reaches a registry without TLS."""
_NOBODY: Final = 0
"""The parent's process id where the parent is outside the container: getppid(2)."""
_NAMESPACE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True, slots=True)
class Invocation:
    """The options with which commands reach the audited registries, and the pod that has them."""

    options: str = ""
    """Words of a shell: `--config FILE`, or what was typed."""
    namespace: str = ""
    pod: str = ""
    """The exporter's pod, if the reader is outside of it."""

    @classmethod
    def of_server(cls, config: Path, environ: Mapping[str, str]) -> Self:
        """Return how the exporter is reached: with its configuration, in a cluster in its pod.

        The namespace and the pod's name are the variables `POD_NAMESPACE` and `POD_NAME`, as the
        chart sets them; else what Kubernetes mounts, and the host's name.
        """
        options = shlex.join(("--config", str(config.absolute())))
        return cls(options, *_pod(environ))

    @classmethod
    def of_command(cls, options: str, environ: Mapping[str, str], parent: int) -> Self:
        """Return how a command with these options is typed again, given its parent's process id.

        The chart names the pod. There `kubectl exec POD -- pullproof …` has no parent inside, and
        the reader is outside; a shell or script in the pod types the next command where it is.
        """
        outside = parent == _NOBODY and "POD_NAME" in environ
        return cls(options, *(_pod(environ) if outside else ()))

    def command(self, report: Report, *words: str) -> str:
        """Return a command of pullproof as a line for a shell; words may hold what registries say.

        A registry without TLS is asked so, which a configuration says itself.
        """
        needed = is_plain(report) and not {"--config", "--from", PLAIN_HTTP} & {*self._typed}
        return self.line(*map(plain, words), *((PLAIN_HTTP,) if needed else ()))

    def line(self, *words: str) -> str:
        """Return a command of pullproof as a line for a shell, with these words as they are."""
        return f"{self._inside}{shlex.join(('pullproof', *words, *self._typed))}"

    @property
    def saved(self) -> bool:
        """Do commands read a file, and ask no registry?"""
        return "--from" in self._typed

    def serve(self) -> str:
        """Return the command that audits periodically; nothing if it runs, or has no settings."""
        if "--config" not in self._typed or self.pod:
            return ""
        config = self._typed[self._typed.index("--config") + 1]
        return shlex.join(("pullproof", "serve", "--config", config))

    def why(self, report: Report, registry: str) -> str:
        """Return the command that shows why a registry does not answer, given as commands take it.

        A configuration says how the registry is reached, and curl cannot read one.
        """
        typed = self._typed
        if "--config" in typed:
            return self.command(report, "check", registry, "--verbose")
        trusted = typed[typed.index("--ca-file") + 1] if "--ca-file" in typed else ""
        words = ["--cacert", trusted] if trusted else ["-k"] if "--insecure" in typed else []
        scheme = "http" if is_plain(report) or PLAIN_HTTP in typed else "https"
        return shlex.join(
            ("curl", "-v", *words, plain(f"{scheme}://{registry.rpartition('/')[2]}/v2/"))
        )

    def pushes(self, report: Report, archives: Sequence[str], *words: str) -> tuple[Command, ...]:
        """Return the commands that upload what nodes exported to these files."""
        folder = "/tmp/" if self.pod else ""  # noqa: S108 - in the pod, where the chart lets it write
        pod = f"{self.namespace}{'/' if self.namespace else ''}{self.pod}"
        copies = tuple(
            Command(_COPY, shlex.join(("kubectl", "cp", each, f"{pod}:{folder}{each}")))
            for each in (archives if self.pod else ())
        )
        sources = (
            word for each in archives for word in ("--source", f"oci-archive:{folder}{each}")
        )
        return *copies, Command(_UPLOAD, self.command(report, *words, *sources))

    @property
    def _typed(self) -> list[str]:
        return shlex.split(self.options)

    @property
    def _inside(self) -> str:
        """Return the prefix that runs a command in the pod."""
        if not self.pod:
            return ""
        within = ["-n", self.namespace] if self.namespace else []
        within += ["-i"] if "--password-stdin" in self._typed else []
        return f"{shlex.join(('kubectl', 'exec', *within, self.pod))} -- "


def is_plain(report: Report) -> bool:
    """Is a registry reached without TLS?"""
    return report.snapshot.address.startswith("http://")


AS_TYPED: Final = Invocation()
"""The invocation that needs only the registry's address."""
_COPY: Final = "Copy the archive into the exporter's pod"
_UPLOAD: Final = "Upload the exported image"


def _pod(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the namespace and the name of the pod; nothing outside of Kubernetes."""
    if "KUBERNETES_SERVICE_HOST" not in environ:
        return "", ""
    pod = environ.get("POD_NAME") or environ.get("HOSTNAME", "")
    return environ.get("POD_NAMESPACE") or _mounted(_NAMESPACE), pod


def _mounted(file: Path) -> str:
    try:
        return file.read_text("utf-8").strip()
    except OSError:
        return ""
